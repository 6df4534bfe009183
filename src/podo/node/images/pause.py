"""The pause image: what holds a pod's namespaces open. A program of a few instructions, written here as machine code.

It ignores SIGCHLD, so that the kernel reaps orphans of a shared process namespace, and then waits for ever.
"""

from __future__ import annotations

import platform
import struct
from pathlib import Path

from podo.node.images import oci
from podo.node.images.oci import File, Image, Layer

#: Our own name, and the one under which other tools expect it.
NAMES = ("podo.local/pause:1", "registry.k8s.io/pause:3.9")
ENTRY = 0x400000
HEADERS = 64 + 56  # the ELF header and one program header

_SIGCHLD = 17
_ELF_MACHINES = {"amd64": 62, "arm64": 183}

#: rt_sigaction(SIGCHLD, {SIG_IGN, 0, 0, 0}, NULL, 8); for (;;) pause();
_AMD64 = bytes.fromhex(
    "31c0"  # xor eax, eax
    "505050"  # push rax: mask, restorer, flags
    "6a01"  # push 1: the handler SIG_IGN
    "4889e6"  # mov rsi, rsp
    "6a115f"  # push 17; pop rdi: SIGCHLD
    "31d2"  # xor edx, edx
    "6a08415a"  # push 8; pop r10: bytes of a signal mask
    "b00d0f05"  # mov al, 13; syscall: rt_sigaction
    "6a22580f05"  # push 34; pop rax; syscall: pause
    "ebf9"  # jmp 7 bytes back, to the push
)


def _arm64() -> bytes:
    """The same for arm64, which has no pause: ppoll(NULL, 0, NULL, NULL, 8) waits as long."""

    def move(register: int, value: int) -> int:
        return 0xD2800000 | value << 5 | register

    call = 0xD4000001  # svc #0
    words = [
        0xD10083FF,  # sub sp, sp, #32
        move(9, 1),  # SIG_IGN
        0xA9007FE9,  # stp x9, xzr, [sp]
        0xA9017FFF,  # stp xzr, xzr, [sp, #16]
        move(0, _SIGCHLD),
        0x910003E1,  # mov x1, sp
        move(2, 0),
        move(3, 8),
        move(8, 134),  # rt_sigaction
        call,
        *(move(register, 0) for register in range(4)),  # from here it repeats
        move(4, 8),
        move(8, 73),  # ppoll
        call,
        0x14000000 | (-7 & 0x3FFFFFF),  # b: 7 instructions back
    ]
    return struct.pack(f"<{len(words)}I", *words)


def program(architecture: str) -> bytes:
    """A static ELF executable for "amd64" or "arm64"; ValueError for another."""
    if architecture not in _ELF_MACHINES:
        raise ValueError(f"no pause program for {architecture}: only for {', '.join(_ELF_MACHINES)}")
    code = _AMD64 if architecture == "amd64" else _arm64()
    identity = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9)  # 64 bit, little endian
    machine = _ELF_MACHINES[architecture]
    header = struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, ENTRY + HEADERS, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    size = HEADERS + len(code)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, ENTRY, ENTRY, size, size, 0x1000)  # loadable, readable and executable
    return identity + header + segment + code


def this_machine() -> str:
    """The architecture as images name it."""
    machine = platform.machine()
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)


def write_archive(path: Path) -> None:
    """An archive with the image for this machine under both its names."""
    oci.write_archive(path, [image(this_machine())])


def image(architecture: str) -> Image:
    layer = Layer.of([File("/pause", program(architecture), 0o755)])
    return Image(NAMES, [layer], architecture, entrypoint=["/pause"], user="65535:65535")
