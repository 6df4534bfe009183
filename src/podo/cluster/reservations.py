"""Address ranges of the clusters with real networks on this machine, so that a second cluster runs beside the first.

One small file a cluster in a directory that the machine forgets when it restarts, as it does the networks themselves.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from podo.cluster.layout import write_atomically
from podo.cluster.lock import held

DIRECTORY = Path("/run/podo")
#: 10.244.0.0/16 and 10.96.0.0/16 for the first cluster, the next ones for the next.
MOST = 12


@dataclass(frozen=True, slots=True)
class Ranges:
    index: int

    @property
    def pod_cidr(self) -> str:
        return f"10.{244 + self.index}.0.0/16"

    @property
    def service_cidr(self) -> str:
        return f"10.{96 + self.index}.0.0/16"

    @property
    def node_cidr(self) -> str:
        return f"10.243.{self.index}.0/24"


class NoneLeft(Exception):
    """As many clusters with real networks as there are ranges run on this machine."""


def reserve(data_dir: str, directory: Path = DIRECTORY) -> Ranges:
    """The cluster's ranges: those it has, else the first free ones."""
    with held(directory / "lock", wait=True):
        taken = _taken(directory)
        mine = next((index for index, owner in taken.items() if owner == data_dir), None)
        index = mine if mine is not None else next((i for i in range(MOST) if i not in taken), None)
        if index is None:
            raise NoneLeft(f"{MOST} clusters with real networks run here already: {', '.join(taken.values())}")
        write_atomically(_file(directory, data_dir), json.dumps({"index": index, "data_dir": data_dir}).encode())
    return Ranges(index)


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


def _taken(directory: Path) -> dict[int, str]:
    """Index -> data directory, of the clusters whose data directory is still there."""
    found = {}
    for path in directory.glob("*.json"):
        entry = json.loads(path.read_bytes())
        if Path(entry["data_dir"]).exists():  # made before the ranges are reserved
            found[int(entry["index"])] = entry["data_dir"]
        else:
            path.unlink(missing_ok=True)
    return found


def _file(directory: Path, data_dir: str) -> Path:
    return directory / f"{hashlib.sha256(data_dir.encode()).hexdigest()[:16]}.json"
