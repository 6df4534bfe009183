"""What clusters with real networks share of this machine, given out: address ranges, and the name that cgroups, network
namespaces and nftables tables begin with. So a second cluster runs beside the first, also by the same name.

One small file a cluster in a directory that the machine forgets when it restarts, as it does the networks themselves.
"""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from podo.cluster.layout import write_atomically
from podo.cluster.lock import held

DIRECTORY = Path("/run/podo")
#: 10.244.0.0/16 and 10.96.0.0/16 for the first cluster, the next ones for the next.
MOST = 12


@dataclass(frozen=True, slots=True)
class Ranges:
    index: int

    @classmethod
    def with_nodes(cls, node_cidr: str) -> Ranges:
        """The ranges among which this one is."""
        return cls(ipaddress.ip_network(node_cidr).network_address.packed[2])

    @property
    def pod_cidr(self) -> str:
        return f"10.{244 + self.index}.0.0/16"

    @property
    def service_cidr(self) -> str:
        return f"10.{96 + self.index}.0.0/16"

    @property
    def node_cidr(self) -> str:
        return f"10.243.{self.index}.0/24"


@dataclass(frozen=True, slots=True)
class Reservation:
    """What one cluster has of the machine. ``name`` is the cluster's own, or one made of it where another has that."""

    data_dir: str
    index: int
    name: str

    @property
    def ranges(self) -> Ranges:
        return Ranges(self.index)


class NoneLeft(Exception):
    """As many clusters with real networks as there are ranges run on this machine."""


class Taken(Exception):
    """Another cluster has what this one had before."""


def reserve(data_dir: str, name: str, directory: Path = DIRECTORY) -> Reservation:
    """What the cluster has, else the first free ranges and a free name."""
    with held(directory / "lock", wait=True):
        taken = _taken(directory)
        mine = next((each for each in taken if each.data_dir == data_dir), None)
        reservation = mine or Reservation(data_dir, _free_index(taken), _free_name(name, taken))
        _write(directory, reservation)
    return reservation


def renew(reservation: Reservation, directory: Path = DIRECTORY) -> None:
    """Reserve again what the cluster has had before the machine started anew. Raises Taken."""
    with held(directory / "lock", wait=True):
        for other in _taken(directory):
            if other.data_dir != reservation.data_dir and (
                other.index == reservation.index or other.name == reservation.name
            ):
                raise Taken(f"the cluster in {other.data_dir} has taken the address ranges or the name of this one")
        _write(directory, reservation)


def release(data_dir: str, directory: Path = DIRECTORY) -> None:
    """Give the ranges back, and the directory when it was the last."""
    if not os.path.exists(_file(directory, data_dir)):  # or it is not ours to look at
        return
    with held(directory / "lock", wait=True):
        _file(directory, data_dir).unlink(missing_ok=True)
        if not list(directory.glob("*.json")):
            (directory / "lock").unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # one that comes now has made its lock there
                directory.rmdir()


def _free_index(taken: list[Reservation]) -> int:
    for index in range(MOST):
        if all(each.index != index for each in taken):
            return index
    owners = ", ".join(each.data_dir for each in taken)
    raise NoneLeft(f"{MOST} clusters with real networks run here already: {owners}")


def _free_name(name: str, taken: list[Reservation]) -> str:
    names = {each.name for each in taken}
    return next(each for each in (name, *(f"{name}-{number}" for number in range(2, MOST + 2))) if each not in names)


def _taken(directory: Path) -> list[Reservation]:
    """Those of clusters whose data directory is still there."""
    found = []
    for path in directory.glob("*.json"):
        entry = json.loads(path.read_bytes())
        if Path(entry["data_dir"]).exists():  # made before the ranges are reserved
            found.append(Reservation(entry["data_dir"], entry["index"], entry.get("name", "")))
        else:
            path.unlink(missing_ok=True)
    return found


def _write(directory: Path, reservation: Reservation) -> None:
    write_atomically(_file(directory, reservation.data_dir), json.dumps(asdict(reservation)).encode())


def _file(directory: Path, data_dir: str) -> Path:
    return directory / f"{hashlib.sha256(data_dir.encode()).hexdigest()[:16]}.json"
