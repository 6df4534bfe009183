"""Dynamic Resource Allocation: which devices there are, who has them, and which a pod's claims get on a node."""
