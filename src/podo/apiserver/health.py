"""/healthz, /livez and /readyz, with ``?verbose`` and single checks; /version."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping

from podo import version
from podo.api.encoding import dumps
from podo.http.message import Response

Checks = Mapping[str, Callable[[], bool]]
_TEXT = "text/plain; charset=utf-8"
NAMES = ("healthz", "livez", "readyz")


def health_answer(path: str, verbose: bool, checks: Checks) -> Response | None:
    """The answer of a health path; None for a check that there is not."""
    name, _, single = path.strip("/").partition("/")
    if single and single not in checks:
        return None
    passed = {check: checks[check]() for check in ([single] if single else checks)}
    if all(passed.values()):
        return Response(200, _report(name, passed) if verbose else b"ok", _TEXT)
    return Response(500, _report(name, passed), _TEXT)


def _report(name: str, passed: Mapping[str, bool]) -> bytes:
    lines = [f"[+]{check} ok" if good else f"[-]{check} failed: reason withheld" for check, good in passed.items()]
    lines.append(f"{name} check {'passed' if all(passed.values()) else 'failed'}")
    return ("\n".join(lines) + "\n").encode()


def version_answer() -> Response:
    """``version.Info`` of k8s.io/apimachinery."""
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    info = {
        "major": version.KUBERNETES_MAJOR,
        "minor": version.KUBERNETES_MINOR,
        "emulationMajor": version.KUBERNETES_MAJOR,
        "emulationMinor": version.KUBERNETES_MINOR,
        "minCompatibilityMajor": version.KUBERNETES_MAJOR,
        "minCompatibilityMinor": str(int(version.KUBERNETES_MINOR) - 1),
        "gitVersion": version.GIT_VERSION,
        "gitCommit": "",
        "gitTreeState": "",
        "buildDate": "",
        "goVersion": f"python{platform.python_version()}",
        "compiler": platform.python_implementation().lower(),
        "platform": f"{platform.system().lower()}/{machine}",
    }
    return Response(200, dumps(info))
