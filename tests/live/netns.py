"""Runs a test body in a child process with a network of its own: it may set up addresses and nftables as it likes."""

from __future__ import annotations

import ctypes
import functools
import os
import subprocess
import sys
import traceback
from collections.abc import Callable

CLONE_NEWNET = 0x40000000


def in_own_network(body: Callable[[], None]) -> Callable[[], None]:
    """The decorated function runs in a fresh network namespace with ``lo`` up; the namespace goes with the process."""

    @functools.wraps(body)
    def run() -> None:
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            os._exit(_child(body, writer))
        os.close(writer)
        with os.fdopen(reader) as report:
            said = report.read()
        _, status = os.waitpid(child, 0)
        assert status == 0, f"in its own network:\n{said}"

    return run


def _child(body: Callable[[], None], writer: int) -> int:
    try:
        if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "unshare")
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        body()
    except BaseException:
        os.write(writer, traceback.format_exc().encode())
        return 1
    finally:
        sys.stdout.flush()
    return 0
