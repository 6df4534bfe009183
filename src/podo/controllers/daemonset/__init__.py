"""DaemonSet: ``sync`` is the controller; ``placement`` says where, ``rolling`` how pods are replaced."""
