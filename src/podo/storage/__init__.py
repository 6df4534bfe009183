"""The log: every change of the cluster in one order, with one revision."""
