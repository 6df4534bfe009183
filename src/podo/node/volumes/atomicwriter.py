"""Writing the files of a ConfigMap, Secret or downward API volume so that a container sees all of a change at once.

The layout is the one containers know: the files lie in a directory named after the time, ``..data`` is a link to it
that is replaced by rename(2), and each top-level name is a link through ``..data``.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

DATA = "..data"
_NEW_DATA = "..data_tmp"


@dataclass(frozen=True, slots=True)
class File:
    content: bytes
    mode: int = 0o644


def write(directory: Path, files: Mapping[str, File], group: int | None = None) -> bool:
    """Make the volume hold exactly ``files`` (path below the volume -> file). False where it did already.

    Paths must be relative and without ``..`` (the API checks that; it is checked here again): ValueError.
    """
    for path in files:
        _check(path)
    directory.mkdir(parents=True, exist_ok=True)
    if _is_current(directory, files):
        return False
    old = os.readlink(directory / DATA) if (directory / DATA).is_symlink() else None
    fresh = Path(tempfile.mkdtemp(prefix="..", dir=directory))
    fresh.chmod(0o755)
    for path, file in files.items():
        _write_one(fresh / path, file, group)
    _own(fresh, group)
    _publish(directory, fresh.name)
    _link(directory, files)
    if old is not None and old != fresh.name:
        shutil.rmtree(directory / old, ignore_errors=True)
    return True


def _check(path: str) -> None:
    parts = path.split("/")
    if not path or path.startswith("/") or ".." in parts or parts[0].startswith(".."):
        raise ValueError(f"invalid path {path!r}: must be relative, without '..'")


def _is_current(directory: Path, files: Mapping[str, File]) -> bool:
    data = directory / DATA
    if not data.exists():
        return False
    found = {str(path.relative_to(data)): path for path in data.rglob("*") if path.is_file()}
    return found.keys() == files.keys() and all(
        path.read_bytes() == files[name].content and path.stat().st_mode & 0o777 == files[name].mode & 0o777
        for name, path in found.items()
    )


def _write_one(path: Path, file: File, group: int | None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as stream:
        stream.write(file.content)
    mode = file.mode
    if group is not None:
        os.chown(path, -1, group)
        mode |= 0o040
    path.chmod(mode)


def _own(directory: Path, group: int | None) -> None:
    if group is None:
        return
    for path in (directory, *(path for path in directory.rglob("*") if path.is_dir())):
        os.chown(path, -1, group)
        path.chmod(0o2755)


def _publish(directory: Path, name: str) -> None:
    temporary = directory / _NEW_DATA
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(name)
    temporary.rename(directory / DATA)


def _link(directory: Path, files: Mapping[str, File]) -> None:
    """Links for what is there, and none for what is not any more."""
    wanted = {path.split("/")[0] for path in files}
    for entry in directory.iterdir():
        if not entry.name.startswith("..") and entry.name not in wanted:
            entry.unlink()
    for name in wanted:
        if not (directory / name).is_symlink():
            (directory / name).symlink_to(f"{DATA}/{name}")
