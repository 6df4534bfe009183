"""Where a cluster keeps its files: one data directory, nothing outside it but what the kernel holds."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

#: A Unix socket's path ends at 107 bytes; the longest below the data directory is a node's containerd.sock.ttrpc.
LONGEST_DATA_DIR = 64
#: Without sockets only the kernel's own limit on paths counts (4,096 bytes, with room for what is below).
LONGEST_PATH = 3000


def default_data_dir(name: str) -> Path:
    """``$PODO_DATA_DIR/NAME``, else /var/lib/podo/NAME for root and the XDG data directory for others."""
    if base := os.environ.get("PODO_DATA_DIR"):
        return Path(base) / name
    if os.geteuid() == 0:
        return Path("/var/lib/podo") / name
    home = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(home) / "podo" / name


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths below one data directory."""

    root: Path

    @property
    def config(self) -> Path:
        return self.root / "config.json"

    @property
    def store(self) -> Path:
        return self.root / "store.db"

    @property
    def pki(self) -> Path:
        return self.root / "pki"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig; the one merged into the user's own is made from it."""
        return self.root / "admin.kubeconfig"

    @property
    def stages(self) -> Path:
        """How pods behave on simulated nodes."""
        return self.root / "stages.json"

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def state(self) -> Path:
        """What the supervisor last wrote of itself and its components."""
        return self.run / "state.json"

    @property
    def lock(self) -> Path:
        """Held by the supervisor while it lives."""
        return self.run / "lock"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    def log(self, component: str) -> Path:
        return self.logs / f"{component}.log"

    @property
    def nodes(self) -> Path:
        return self.root / "nodes"

    def node(self, name: str) -> Path:
        return self.nodes / name

    def make(self) -> None:
        """Make the directories, closed to others."""
        for directory in (self.root, self.pki, self.run, self.logs, self.nodes):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)


def write_atomically(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Replace ``path``: readers see the old file or the new one, also after a crash."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
