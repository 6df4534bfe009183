"""The signals that a container may be stopped with (KEP-4960)."""

from __future__ import annotations

from podo.api.rules import Found, forbidden, not_supported

_WINDOWS = ("SIGKILL", "SIGTERM")
_PLAIN = (
    *("ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT"),
    *("KILL", "PIPE", "POLL", "PROF", "PWR", "QUIT", "SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP"),
    *("TSTP", "TTIN", "TTOU", "URG", "USR1", "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ", "RTMIN", "RTMAX"),
)
_REAL_TIME = [*(f"RTMIN+{number}" for number in range(1, 16)), *(f"RTMAX-{number}" for number in range(1, 15))]
_LINUX = tuple(sorted(f"SIG{name}" for name in (*_PLAIN, *_REAL_TIME)))
_OF_OS = {"linux": _LINUX, "windows": _WINDOWS}


def check_stop_signal(signal: str, os: str, path: str, found: Found) -> None:
    """Signals are those of the ``os`` that the pod names; of an unknown one another rule tells."""
    if not os:
        found.append(forbidden(path, "may not be set for containers with empty `spec.os.name`"))
    elif signal not in (supported := _OF_OS.get(os, (signal,))):
        found.append(not_supported(path, signal, supported))
