"""From what the user asked for to the configuration of a cluster: the choices and the refusals of ``podo up``."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from podo.cluster import host, reservations
from podo.cluster.config import Config, ConfigProblem, simulated_pod_cidr
from podo.cluster.layout import LONGEST_DATA_DIR, LONGEST_PATH

DEFAULT_PORT = 6443
KUBELET_PORT = 10250
#: From the first kubelet port of a cluster with real nodes to that of the next.
KUBELET_PORT_STEP = 20


class Precondition(Exception):
    """Something outside podo must be put right first; ``mend`` is the command that does."""

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(what)
        self.what = what
        self.mend = mend


@dataclass(frozen=True, slots=True)
class Request:
    """The options of ``podo up``; None is "not said"."""

    name: str
    data_dir: Path
    nodes: int | None = None
    runtime: str | None = None  # "auto", "containerd", "simulated"
    store: str | None = None
    port: int | None = None
    registry_mirror: str | None = None
    registry_fallback: bool | None = None
    pod_manifest_path: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    config: Config
    notes: tuple[str, ...] = ()  # what the user should know of the choices


def plan(request: Request, former: Config | None) -> Plan:
    """The cluster to run. A cluster that is there keeps what it is; asking for something else is refused."""
    if former is not None:
        _refuse_changes(request, former)
        _renew(former)
        return Plan(former)
    runtime, notes = _runtime(request.runtime or "auto")
    nodes = request.nodes or 1
    real = runtime == "containerd"
    _check_directory(request.data_dir, LONGEST_DATA_DIR if real else LONGEST_PATH)
    node_ip = host.own_address() if real else "127.0.0.1"
    addresses = ["127.0.0.1", node_ip]
    port = _wanted_port(request.port, addresses)
    reserved = _reserved(request) if real else reservations.Reservation(str(request.data_dir), 0, request.name)
    ranges = reserved.ranges
    config = Config(
        name=request.name,
        data_dir=str(request.data_dir),
        nodes=nodes,
        runtime=runtime,
        store=request.store or "sqlite",
        # Clusters that start at the same moment look for ports from different ones on.
        port=port or _free(addresses, DEFAULT_PORT + ranges.index),
        kubelet_port=_free([node_ip], KUBELET_PORT + KUBELET_PORT_STEP * ranges.index),
        node_ip=node_ip,
        pod_cidr=ranges.pod_cidr if real else simulated_pod_cidr(nodes),
        service_cidr=ranges.service_cidr,
        node_cidr=ranges.node_cidr,
        registry_mirror=request.registry_mirror or "",
        registry_fallback=request.registry_fallback is not False,
        pod_manifest_path=request.pod_manifest_path or "",
        machine_name="" if reserved.name == request.name else reserved.name,
    )
    return Plan(config, notes)


def _refuse_changes(request: Request, former: Config) -> None:
    settings = ("nodes", "runtime", "store", "port", "registry_mirror", "registry_fallback", "pod_manifest_path")
    wanted = {name: getattr(request, name) for name in settings}
    for setting, value in wanted.items():
        if value not in (None, "auto", getattr(former, setting)):
            raise Precondition(
                f"cluster {former.name} has {setting} {getattr(former, setting)}; it cannot become {value}",
                f"podo down --purge --name {former.name}, then podo up again",
            )


def _runtime(wanted: str) -> tuple[str, tuple[str, ...]]:
    if wanted == "simulated":
        return "simulated", ()
    missing = host.missing_for_containers()
    if not missing:
        return "containerd", ()
    if wanted == "containerd":
        raise Precondition(
            "; ".join(f"no {m.what}" for m in missing), " && ".join(dict.fromkeys(m.mend for m in missing))
        )
    reasons = ", ".join(m.what for m in missing)
    return "simulated", (f"nodes are simulated: for real containers this machine lacks {reasons}",)


def _check_directory(directory: Path, longest: int) -> None:
    if len(str(directory)) > longest:
        raise Precondition(
            f"the data directory's path is longer than {longest} bytes, and what is kept below it would not fit",
            "podo up --data-dir SHORTER",
        )
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(directory, os.W_OK | os.X_OK):
            raise PermissionError(13, "Permission denied")
    except OSError as failure:
        raise Precondition(
            f"cannot write in {directory}: {failure.strerror}", "podo up --data-dir ANOTHER"
        ) from failure


def _reserved(request: Request) -> reservations.Reservation:
    try:
        return reservations.reserve(str(request.data_dir), request.name)
    except reservations.NoneLeft as failure:
        raise Precondition(str(failure), "podo down --purge one of them") from failure


def _renew(former: Config) -> None:
    """The machine forgets reservations when it starts anew."""
    if former.runtime != "containerd":
        return
    index = reservations.Ranges.with_nodes(former.node_cidr).index
    try:
        reservations.renew(reservations.Reservation(former.data_dir, index, former.own_name))
    except reservations.Taken as failure:
        raise Precondition(str(failure), "podo down --purge that one") from failure


def _wanted_port(wanted: int | None, addresses: list[str]) -> int | None:
    if wanted is None:
        return None
    if not 1 <= wanted <= 65535:
        raise ConfigProblem(f"port {wanted}: 1 to 65535")
    busy = [address for address in addresses if not host.port_is_free(address, wanted)]
    if busy:
        raise Precondition(f"port {wanted} is in use at {busy[0]}", f"podo up --port {_free(addresses, wanted + 1)}")
    return wanted


def _free(addresses: list[str], first: int) -> int:
    try:
        return host.free_port(addresses, first)
    except OSError as failure:
        raise Precondition(str(failure), "podo up --port N") from failure
