from __future__ import annotations

import platform
import signal
import struct
import subprocess
import time
from pathlib import Path

import pytest

from podo.node.images import pause


@pytest.mark.parametrize(("architecture", "machine"), [("amd64", 62), ("arm64", 183)])
def test_it_is_a_static_executable_that_covers_itself(architecture: str, machine: int) -> None:
    binary = pause.program(architecture)
    assert binary[:4] == b"\x7fELF"
    assert struct.unpack_from("<HH", binary, 16) == (2, machine)
    entry, headers = struct.unpack_from("<QQ", binary, 24)
    kind, _, offset, address, _, size, memory = struct.unpack_from("<IIQQQQQ", binary, headers)
    assert (kind, offset, size, memory) == (1, 0, len(binary), len(binary))
    assert address < entry < address + size
    assert len(binary) < 256


def test_another_architecture_is_refused() -> None:
    with pytest.raises(ValueError, match="s390x"):
        pause.program("s390x")


@pytest.mark.skipif(platform.machine() not in ("x86_64", "aarch64"), reason="no program for this machine")
def test_it_ignores_dead_children_and_waits(tmp_path: Path) -> None:
    path = tmp_path / "pause"
    path.write_bytes(pause.program("amd64" if platform.machine() == "x86_64" else "arm64"))
    path.chmod(0o755)
    process = subprocess.Popen([path])
    try:
        end = time.monotonic() + 60
        while not _waits(process.pid) and time.monotonic() < end:
            assert process.poll() is None
        assert _ignored(process.pid) >> (signal.SIGCHLD - 1) & 1
        process.send_signal(signal.SIGCHLD)
        process.send_signal(signal.SIGCONT)
        assert process.poll() is None
    finally:
        process.kill()
    assert process.wait(60) == -signal.SIGKILL


def _waits(pid: int) -> bool:
    return "State:\tS" in Path(f"/proc/{pid}/status").read_text() and bool(_ignored(pid) >> (signal.SIGCHLD - 1) & 1)


def _ignored(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("SigIgn")), 16)
