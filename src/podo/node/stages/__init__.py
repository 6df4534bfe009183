"""Stages: data files that say how pods behave on simulated nodes (``reading`` has the format)."""
