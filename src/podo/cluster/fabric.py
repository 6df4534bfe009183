"""The network between several nodes with real containers on one machine.

The first node is the machine itself. Every other one lives in a network namespace of its own, with one link to a bridge
of the cluster; the bridge's address is its way out. Such a node differs from a machine in nothing else: it has its own
containerd, its own nftables table, its own pod network.
"""

from __future__ import annotations

import ipaddress
import json
import subprocess
from pathlib import Path

from podo.cluster.config import Config
from podo.cluster.reservations import Ranges

NAMESPACES = Path("/run/netns")
SECONDS = 20


class FabricFailed(OSError):
    """``ip`` refused; the message is its own."""


def is_apart(config: Config, node: str) -> bool:
    """Does the node live in a namespace of its own?"""
    return node != config.node_names[0]


def namespace(config: Config, node: str) -> str:
    return f"podo-{config.own_name}-{node}"


def enter(config: Config, node: str) -> list[str]:
    """The words before a command that is to run on the node. (``ip netns exec`` would hide the cgroups.)"""
    return ["nsenter", f"--net={NAMESPACES / namespace(config, node)}"] if is_apart(config, node) else []


def bridge(config: Config) -> str:
    """The bridge's name: interface names end at 15 bytes, so it is numbered as the cluster's addresses are."""
    return f"podo{Ranges.with_nodes(config.node_cidr).index}"


def make(config: Config) -> None:
    """Make what is missing of bridge, namespaces and links; nothing for a single node. Raises FabricFailed."""
    apart = [name for name in config.node_names if is_apart(config, name)]
    if not apart:
        return
    gateway = ipaddress.ip_network(config.node_cidr)[1]
    prefix = ipaddress.ip_network(config.node_cidr).prefixlen
    if bridge(config) not in _links():
        _ip("link", "add", bridge(config), "type", "bridge")
    _ip("address", "replace", f"{gateway}/{prefix}", "dev", bridge(config))
    _ip("link", "set", bridge(config), "up")
    for name in apart:
        _make_node(config, name, f"{gateway}", prefix)


def _make_node(config: Config, name: str, gateway: str, prefix: int) -> None:
    space, link = namespace(config, name), f"{bridge(config)}n{config.node_number(name)}"
    if not (NAMESPACES / space).exists():
        _ip("netns", "add", space)
    inside = ["-netns", space]
    _ip(*inside, "link", "set", "lo", "up")
    if link not in _links():
        _ip("link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", space)
    _ip("link", "set", link, "master", bridge(config), "up")
    _ip(*inside, "address", "replace", f"{config.node_address(name)}/{prefix}", "dev", "eth0")
    _ip(*inside, "link", "set", "eth0", "up")
    _ip(*inside, "route", "replace", "default", "via", gateway)


def remove(config: Config) -> None:
    """Take namespaces and bridge away, and with them every link, route and table in them."""
    for name in config.node_names:
        if is_apart(config, name) and (NAMESPACES / namespace(config, name)).exists():
            _ip("netns", "delete", namespace(config, name))
    if bridge(config) in _links():
        _ip("link", "delete", bridge(config))


def _links() -> set[str]:
    return {link["ifname"] for link in json.loads(_ip("-json", "link"))}


def _ip(*arguments: str) -> str:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, timeout=SECONDS, check=False)
    if done.returncode:
        raise FabricFailed(done.returncode, f"ip {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout
