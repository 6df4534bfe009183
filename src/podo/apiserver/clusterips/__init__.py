"""The cluster IPs of Services: the ranges they come from, which are in use, and the IPAddress object that each has."""
