"""What podo costs, measured on this machine against the floors of the same machine: ``python -m bench``."""
