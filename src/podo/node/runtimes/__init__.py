"""What runs containers: ``cri`` (containerd) and ``simulated``. One contract, one suite."""
