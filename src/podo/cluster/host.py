"""What this machine can do, and what it has to offer: root, containerd, addresses, free ports."""

from __future__ import annotations

import os
import shutil
import socket
from dataclasses import dataclass

#: What a node needs besides containerd and its plug-ins: program -> Debian package.
NETWORK_PROGRAMS = {"nft": "nftables", "conntrack": "conntrack"}


@dataclass(frozen=True, slots=True)
class Missing:
    """Something that is needed and not there, and the command that mends it."""

    what: str
    mend: str


def missing_for_containers() -> list[Missing]:
    """What keeps this machine from running real containers; [] if nothing does."""
    from podo.node import containerd

    found = []
    if os.geteuid() != 0:
        found.append(Missing("root (containers, networks and mounts need it)", "sudo podo up"))
    facts = containerd.facts()
    packages = {package for program, package in NETWORK_PROGRAMS.items() if not shutil.which(program)}
    there = {"containerd": facts.containerd, "runc": facts.runc, "containernetworking-plugins": facts.cni_directory}
    packages |= {package for package, path in there.items() if not path}
    found.extend(Missing(package, f"apt-get install {package}") for package in sorted(packages))
    return found


def own_address() -> str:
    """The IPv4 address this machine would be reached at: the source address of its default route (nothing is sent to
    find it)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(
                ("198.51.100.1", 9)
            )  # RFC 5737 documentation address; a UDP connect only asks the routing table
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1"


def port_is_free(address: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def free_port(addresses: list[str], first: int, tries: int = 200) -> int:
    """The first port from ``first`` on that is free at every address; OSError if there is none in ``tries``."""
    for port in range(first, min(first + tries, 65536)):
        if all(port_is_free(address, port) for address in addresses):
            return port
    raise OSError(f"no free port from {first} on")
