"""The CNI configuration of a node: the standard plug-ins ptp and host-local for the node's pod CIDR.

No masquerade and no port mapping here: podo's own nftables rules do both, and each plug-in costs every pod an
execution or more.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

NAME = "10-podo.conflist"
#: Room for a tunnel's headers, whether or not packets take one.
MTU = 1450


def conflist(pod_cidr: str, data_directory: Path, mtu: int = MTU) -> dict[str, object]:
    """The network list. ``data_directory``: where host-local remembers the addresses it gave out."""
    network = {
        "type": "ptp",
        "ipMasq": False,
        "mtu": mtu,
        "ipam": {
            "type": "host-local",
            "dataDir": str(data_directory),
            "ranges": [[{"subnet": pod_cidr}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }
    return {"cniVersion": "1.0.0", "name": "podo", "plugins": [network]}


def write_conflist(directory: Path, pod_cidr: str, data_directory: Path, mtu: int = MTU) -> Path:
    """Write it whole or not at all: containerd watches ``directory`` and takes what it finds. The file's path."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / NAME
    text = json.dumps(conflist(pod_cidr, data_directory, mtu), indent=1).encode()
    if path.exists() and path.read_bytes() == text:
        return path
    unfinished = directory / f".{NAME}.new"
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    with os.fdopen(descriptor, "wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    return path
