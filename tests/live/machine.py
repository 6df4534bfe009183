"""What the live tests need of the machine, as skip marks with their reasons."""

from __future__ import annotations

import os

import pytest

from podo.cluster import host

needs_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="needs root: networks, mounts and containers are made for real"
)
_missing = ", ".join(m.what for m in host.missing_for_containers())
needs_containerd = pytest.mark.skipif(bool(_missing), reason=f"no real containers on this machine: {_missing}")
