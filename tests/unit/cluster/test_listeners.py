"""What a process listens on, by the kernel's tables."""

from __future__ import annotations

import os
import socket

import pytest

from podo.cluster.listeners import Listener, of_processes


def _has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


def test_the_sockets_of_a_process_and_who_may_reach_them() -> None:
    with socket.create_server(("127.0.0.1", 0)) as local, socket.create_server(("0.0.0.0", 0)) as wide:
        found = of_processes([os.getpid()])
        one = Listener(os.getpid(), "127.0.0.1", local.getsockname()[1])
        other = Listener(os.getpid(), "0.0.0.0", wide.getsockname()[1])
        assert {one, other} <= set(found)
        assert one.is_local and not other.is_local
    assert one not in of_processes([os.getpid()])


@pytest.mark.skipif(not _has_ipv6(), reason="this machine has no IPv6")
def test_ipv6_and_processes_that_are_gone() -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as local:
        assert Listener(os.getpid(), "::1", local.getsockname()[1]) in of_processes([os.getpid()])
    assert of_processes([2**22 + 1]) == []
