"""mount(2), umount2(2) and openat2(2), which Python's standard library does not have. Linux on x86-64 and arm64."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Sequence
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)
_OPENAT2 = 437  # the same number on all architectures
_AT_FDCWD = -100
RESOLVE_NO_MAGICLINKS = 0x02
RESOLVE_BENEATH = 0x08
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND = 0x1, 0x2, 0x4, 0x8, 0x20, 0x1000
MNT_DETACH, UMOUNT_NOFOLLOW = 0x2, 0x8


class _OpenHow(ctypes.Structure):
    _fields_ = [("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64)]


def _check(result: int, about: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), about)
    return result


def open_beneath(directory: int, path: str, flags: int) -> int:
    """Open ``path`` below an open directory; a link or ``..`` that leads out of it is an OSError (EXDEV)."""
    how = _OpenHow(flags | os.O_CLOEXEC, 0, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS)
    return _check(_libc.syscall(_OPENAT2, directory, os.fsencode(path), ctypes.byref(how), ctypes.sizeof(how)), path)


def mount_tmpfs(target: Path, options: str) -> None:
    _check(
        _libc.mount(b"tmpfs", os.fsencode(target), b"tmpfs", MS_NOSUID | MS_NODEV, options.encode() or None),
        str(target),
    )


def mount_memory(target: Path, size: int) -> None:
    """A tmpfs for secrets, of ``size`` bytes at most: never written to swap where the kernel can promise that (6.4)."""
    try:
        mount_tmpfs(target, f"size={size},mode=0700,noswap")
    except OSError as refusal:
        if refusal.errno != errno.EINVAL:
            raise
        mount_tmpfs(target, f"size={size},mode=0700")


def bind(source: str, target: Path) -> None:
    """Bind ``source`` (may be ``/proc/self/fd/N``) on ``target``."""
    _check(_libc.mount(os.fsencode(source), os.fsencode(target), None, MS_BIND, None), str(target))


def mount_image(type_: str, source: str, options: Sequence[str], target: Path) -> None:
    """Mount an image's layers (``overlay``) or its only one (``bind``), for reading: nothing in it is run."""
    flags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC
    if type_ == "bind":
        bind(source, target)
        again = flags | MS_REMOUNT | MS_BIND
        _check(_libc.mount(None, os.fsencode(target), None, again, None), str(target))
        return
    lower, rest = _lower_directories(options)
    common = os.path.commonpath(lower)
    descriptor = os.open(common, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:  # all options must fit into a page: short paths for many layers
        near = f"/proc/self/fd/{descriptor}"
        text = ",".join([*rest, "lowerdir=" + ":".join(near + path[len(common) :] for path in lower)])
        _check(_libc.mount(b"overlay", os.fsencode(target), b"overlay", flags, text.encode()), str(target))
    finally:
        os.close(descriptor)


def _lower_directories(options: Sequence[str]) -> tuple[list[str], list[str]]:
    """The layers in an overlay's options, and its other options (``ro`` is a flag)."""
    lower = [option for option in options if option.startswith("lowerdir=")]
    rest = [option for option in options if option not in lower and option not in ("ro", "rbind", "bind")]
    return lower[0].removeprefix("lowerdir=").split(":") if lower else [], rest


def unmount(target: Path) -> None:
    """Lazily, as something may still look at it."""
    _check(_libc.umount2(os.fsencode(target), MNT_DETACH | UMOUNT_NOFOLLOW), str(target))


def mounts_below(directory: Path) -> list[Path]:
    """What is mounted at or below a directory, the deepest first."""
    prefix = str(directory.resolve())
    found = []
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as table:
        for line in table:
            point = line.split(" ")[4].replace("\\040", " ").replace("\\134", "\\")
            if point == prefix or point.startswith(prefix + "/"):
                found.append(Path(point))
    return sorted(found, key=lambda path: len(path.parts), reverse=True)
