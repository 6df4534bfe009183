"""Which TCP ports processes listen on, by the kernel's tables (proc(5))."""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_LISTEN = "0A"


@dataclass(frozen=True, slots=True)
class Listener:
    pid: int
    address: str
    port: int

    @property
    def is_local(self) -> bool:
        """Is it for this machine's own processes only?"""
        return ipaddress.ip_address(self.address).is_loopback


def of_processes(pids: Iterable[int]) -> list[Listener]:
    """Of those that are there and that we may look into."""
    return [found for pid in pids for found in _of_process(pid)]


def _of_process(pid: int) -> list[Listener]:
    mine = _sockets(pid)
    found = []
    for table in ("tcp", "tcp6"):
        try:
            lines = Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == _LISTEN and fields[9] in mine:
                found.append(Listener(pid, *_address(fields[1])))
    return found


def _sockets(pid: int) -> set[str]:
    """The inodes of a process' sockets."""
    found = set()
    try:
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            target = os.readlink(entry)
            if target.startswith("socket:["):
                found.add(target[8:-1])
    except OSError:  # it has gone, or a descriptor has
        pass
    return found


def _address(text: str) -> tuple[str, int]:
    """``0100007F:192B`` -> 127.0.0.1, 6443: words of four bytes in the machine's order."""
    host, _, port = text.partition(":")
    words = bytes.fromhex(host)
    if sys.byteorder == "little":
        words = b"".join(words[at : at + 4][::-1] for at in range(0, len(words), 4))
    family = socket.AF_INET if len(words) == 4 else socket.AF_INET6
    return socket.inet_ntop(family, words), int(port, 16)
