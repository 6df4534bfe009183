"""What this machine can do, and what it has to offer: root, containerd, addresses, free ports."""

from __future__ import annotations

import os
import shutil
import socket
from dataclasses import dataclass

#: What a node with real containers needs: program -> Debian package.
NODE_PROGRAMS = {
    "containerd": "containerd",
    "runc": "runc",
    "nft": "nftables",
    "ctr": "containerd",
    "conntrack": "conntrack",
}
CNI_DIRECTORIES = ("/usr/lib/cni", "/opt/cni/bin")
CNI_PLUGINS = ("ptp", "host-local", "loopback")


@dataclass(frozen=True, slots=True)
class Missing:
    """Something that is needed and not there, and the command that mends it."""

    what: str
    mend: str


def missing_for_containers() -> list[Missing]:
    """What keeps this machine from running real containers; [] if nothing does."""
    found = []
    if os.geteuid() != 0:
        found.append(Missing("root (containers, networks and mounts need it)", "sudo podo up"))
    packages = {package for program, package in NODE_PROGRAMS.items() if not shutil.which(program)}
    if not cni_directory():
        packages.add("containernetworking-plugins")
    found.extend(Missing(package, f"apt-get install {package}") for package in sorted(packages))
    return found


def cni_directory() -> str:
    """Where the CNI plug-ins are; "" if they are not installed."""
    for directory in CNI_DIRECTORIES:
        if all(os.access(f"{directory}/{plugin}", os.X_OK) for plugin in CNI_PLUGINS):
            return directory
    return ""


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
