"""What a cluster holds of a machine beside its files: processes, mounts, namespaces, links, tables, cgroups, routes."""

from __future__ import annotations

import ipaddress
import json
import subprocess
from collections.abc import Set
from pathlib import Path
from typing import Any

from tests.live import cgroups, processes
from tests.live.podo import Cluster


def footprint(cluster: Cluster) -> dict[str, Set[str]]:
    """Everything of its sort that is there now: of processes, mounts and cgroups what bears the cluster's name, of the
    rest all."""
    directory = str(cluster.directory)
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    return {
        "processes": {str(pid) for pid in processes.mentioning(directory)} | _in_cgroups(cluster.name),
        "mounts": {line.split()[4] for line in mounts if directory in line},
        "network namespaces": _names("/run/netns") | {line.split()[4] for line in mounts if " nsfs " in line},
        "links": {link["ifname"] for link in _json("ip", "-j", "link")},
        "nftables": {" ".join(t["table"].values()) for t in _nftables() if "table" in t},
        "cgroups": {str(path) for path in _cgroups(cluster.name)},
        "routes": {f"{r['dst']} {r.get('dev', '')}" for r in _routes()},
        "reservations": {path.name for path in Path("/run/podo").glob("*.json") if directory in _text(path)},
        "data": {directory + "/d"} if cluster.data_dir.exists() else set(),
        "CNI": _names("/var/lib/cni/networks", "/var/lib/cni/results", "/etc/cni/net.d"),
        "containerd": _names("/run/containerd/s", "/run/containerd/fifo"),
    }


def own(cluster: Cluster, found: dict[str, Set[str]], pods: str) -> dict[str, Set[str]]:
    """What is the cluster's own of what is found while it runs: other clusters on the machine change meanwhile, too.
    ``pods``: the range of its pods' addresses."""
    directory, network = str(cluster.directory), ipaddress.ip_network(pods)
    routes = {route for route in found["routes"] if _inside(route.split()[0], network)}
    results = {path.name: directory in _text(path) for path in Path("/var/lib/cni/results").glob("*")}
    addresses = cluster.data_dir.glob("nodes/*/containerd/state/io.containerd.runtime.v2.task/*/*/address")
    sockets = {_text(path).rpartition("/")[2] for path in addresses}
    return {
        **found,
        "network namespaces": {name for name in found["network namespaces"] if directory in name},
        "links": {route.split()[1] for route in routes if len(route.split()) > 1},
        "nftables": {table for table in found["nftables"] if cluster.name.replace("-", "_") in table},
        "routes": routes,
        "CNI": {name for name in found["CNI"] if results.get(name, True)},
        "containerd": found["containerd"] - (_names("/run/containerd/s") - sockets),
    }


def _inside(address: str, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    """False of what is no address, as ``default``."""
    try:
        return ipaddress.ip_interface(address).ip in network
    except ValueError:
        return False


def _cgroups(name: str) -> list[Path]:
    return cgroups.named(lambda each: each.startswith(f"kubepods-{name}-"))


def _in_cgroups(name: str) -> set[str]:
    inside = cgroups.named(lambda each: True, lambda path: f"/kubepods-{name}-" in path)
    return {str(pid) for directory in (*_cgroups(name), *inside) for pid in cgroups.pids(directory)}


def _text(path: Path) -> str:
    """ "" of a file that is gone: it was another cluster's."""
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""


def _names(*directories: str) -> set[str]:
    return {path.name for directory in directories for path in Path(directory).glob("*")}


def _nftables() -> list[dict[str, dict[str, str]]]:
    found = _json("nft", "-j", "list", "tables")
    assert isinstance(found, dict)
    for entry in found["nftables"]:
        entry.get("table", {}).pop("handle", None)
    return list(found["nftables"])


def _routes() -> list[dict[str, Any]]:
    """But those that the kernel gives each link for itself, a second or two after the link, which is counted."""
    found: list[dict[str, Any]] = _json("ip", "-j", "route", "show", "table", "all")
    return [route for route in found if not route["dst"].startswith(("fe80:", "ff00:"))]


def _json(*argv: str):  # type: ignore[no-untyped-def]
    return json.loads(subprocess.run(argv, check=True, capture_output=True).stdout or "[]")
