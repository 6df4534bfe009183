"""How the pods of one node reach those of another."""
