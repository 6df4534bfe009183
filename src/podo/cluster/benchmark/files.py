"""Controls of files and sockets: sections 1.1, 2 and 4.1 (configuration files, the store, what nodes keep)."""

from __future__ import annotations

import stat
from collections.abc import Iterable
from pathlib import Path

from podo.cluster.benchmark.control import Control, Finding, judged, skipped
from podo.cluster.benchmark.ground import Ground

PRIVATE_FILE, PRIVATE_DIRECTORY, PUBLIC_FILE = 0o600, 0o700, 0o644


def _wider(paths: Iterable[Path], allowed: int) -> str:
    """Those that others may do more with than ``allowed``, or that another user owns; "" for none."""
    found = []
    owner: int | None = None
    for path in paths:
        try:
            seen = path.lstat()
        except FileNotFoundError:  # gone since it was listed
            continue
        owner = seen.st_uid if owner is None else owner
        if stat.S_IMODE(seen.st_mode) & ~allowed:
            found.append(f"{path} has mode {stat.S_IMODE(seen.st_mode):04o}")
        elif seen.st_uid != owner:
            found.append(f"{path} belongs to user {seen.st_uid}")
    return "; ".join(found[:3]) + (f" and {len(found) - 3} more" if len(found) > 3 else "")


def _files(what: str, allowed: int, *patterns: str) -> Control:
    section, _, title = what.partition(" ")

    async def check(ground: Ground) -> Finding:
        paths = ground.files(*patterns)
        if not paths:
            return skipped(f"this cluster has no {' and no '.join(patterns)}")
        wrong = _wider(paths, allowed)
        return judged(wrong, f"{len(paths)} of mode {allowed:04o} or stricter, one owner", f"chmod {allowed:o}")

    return Control(section, title, check)


async def _data_directory(ground: Ground) -> Finding:
    root = Path(ground.config.data_dir)
    wrong = _wider([root], PRIVATE_DIRECTORY)
    return judged(wrong, f"{root} is its owner's only", f"chmod 700 {root}")


async def _sockets(ground: Ground) -> Finding:
    """A socket is private by its own mode or by that of a directory above it, below the data directory."""
    root = Path(ground.config.data_dir)
    found = [path for path in ground.files("**/*.sock*") if path.is_socket()]
    if not found:
        return skipped("no process of this cluster has a socket in the file system")
    open_ones = [path for path in found if not _is_private(path, root)]
    wrong = f"others may reach {', '.join(map(str, open_ones))}" if open_ones else ""
    return judged(wrong, f"{len(found)} sockets are behind directories of their owner", f"chmod 700 {root}")


def _is_private(path: Path, root: Path) -> bool:
    above = [path, *(parent for parent in path.parents if parent == root or root in parent.parents)]
    return any(not stat.S_IMODE(one.stat().st_mode) & 0o077 for one in above)


CONTROLS = (
    Control("1.1.12", "the data directory is private", _data_directory),
    _files("1.1.13 the administrator's kubeconfig is private", PRIVATE_FILE, "admin.kubeconfig"),
    _files("1.1.19 the PKI directory is private", PRIVATE_DIRECTORY, "pki"),
    _files("1.1.20 certificates are written by their owner only", PUBLIC_FILE, "pki/*.crt", "pki/*.pub"),
    _files("1.1.21 keys are private", PRIVATE_FILE, "pki/*.key"),
    _files("1.1.1 settings are private", PRIVATE_FILE, "*.json*", "*.yaml", "*.kubeconfig", "*.csv"),
    _files("1.2.29 the keys of Secrets at rest are private", PRIVATE_FILE, "encryption.json"),
    _files("2.1 the store's files are private", PRIVATE_FILE, "store.db*"),
    _files("2.7 logs are private", PRIVATE_DIRECTORY, "logs"),
    Control("2.2", "sockets of containerd and of podo are private", _sockets),
    _files("4.1.5 keys of nodes are private", PRIVATE_FILE, "pki/kubelet-*.key", "pki/kube-proxy.key"),
    _files("4.1.9 directories of nodes are private", PRIVATE_DIRECTORY, "nodes"),
)
