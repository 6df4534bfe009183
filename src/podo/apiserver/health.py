"""/healthz, /livez and /readyz: all checks or a single one, ``?verbose``, ``?exclude=CHECK``; /metrics/slis; /version.

Source: "Kubernetes API health endpoints" of the documentation; "Kubernetes Component SLI Metrics".
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from urllib.parse import parse_qs

from podo import version
from podo.api.encoding import dumps
from podo.http.message import Response
from podo.runtime.metrics import CONTENT_TYPE, Counter, exposition, gauge
from podo.storage.contract import Store

_TEXT = "text/plain; charset=utf-8"
_EVERYWHERE = ("healthz", "livez", "readyz")
NAMES = frozenset(_EVERYWHERE)
_READY = ("readyz",)
_HOOKS = ("start-apiserver", "priority-and-fairness-config-producer", "rbac/bootstrap-roles")
_STARTING = "poststarthook/"


@dataclass(frozen=True, slots=True)
class Check:
    """``problem`` gives what is wrong, or "". ``pages``: the paths that have it."""

    name: str
    problem: Callable[[], str]
    pages: Sequence[str] = _EVERYWHERE


class Health:
    """The checks of one API server, by upstream's names. What a start has to do has ``passed`` once it is done."""

    def __init__(self, store: Store, hooks: Sequence[str] = _HOOKS) -> None:
        self._passed: set[str] = set()
        text = "Results of health checks."
        self._results = Counter("kubernetes_healthchecks_total", text, ("name", "type", "status"))
        self._checks = [
            Check("ping", lambda: ""),
            Check("log", lambda: ""),
            Check("etcd", lambda: store.failure),
            Check("etcd-readiness", lambda: store.failure, _READY),
            Check("informer-sync", partial(self._awaited, "start-apiserver"), _READY),
        ]
        for hook in hooks:
            self.await_hook(hook)
        self.stopping = False
        self._checks.append(Check("shutdown", lambda: "process is shutting down" if self.stopping else "", _READY))

    def await_hook(self, hook: str) -> None:
        """One more thing that has to be done at the start; the server is not ready before ``passed`` was told so."""
        self._checks.insert(len(self._checks) - 1, Check(_STARTING + hook, partial(self._awaited, hook)))

    def passed(self, *hooks: str) -> None:
        self._passed.update(hooks)

    def _awaited(self, hook: str) -> str:
        return "" if hook in self._passed else "not finished"

    def paths(self) -> Iterable[str]:
        """The pages, and one for each check."""
        for page in _EVERYWHERE:
            yield f"/{page}"
            yield from (f"/{page}/{check.name}" for check in self._checks if page in check.pages)

    def answer(self, path: str, query: str) -> Response | None:
        """The answer of a health path; None for a check that there is not."""
        page, _, single = path.strip("/").partition("/")
        checks = [check for check in self._checks if page in check.pages]
        if single:
            chosen = next((check for check in checks if check.name == single), None)
            return None if chosen is None else _single(self._run(chosen, page))
        asked = parse_qs(query, keep_blank_values=True) if query else {}
        excluded = asked.get("exclude", [])
        found = [(check.name, None if check.name in excluded else self._run(check, page)) for check in checks]
        return _all(page, found, excluded, "verbose" in asked)

    def _run(self, check: Check, page: str) -> str:
        """What is wrong, or ""; counted."""
        problem = check.problem()
        self._results.add((check.name, page, "error" if problem else "success"))
        return problem

    def indicators(self) -> Response:
        """/metrics/slis: each check as a gauge."""
        rows = [((check.name, page), float(not check.problem())) for check in self._checks for page in check.pages]
        text = "The result of a health check: 1 is good, 0 is not."
        now = gauge("kubernetes_healthcheck", text, ("name", "type"), rows)
        return Response(200, exposition([now, self._results.family()]), CONTENT_TYPE)


def _single(problem: str) -> Response:
    if problem:
        return Response(500, f"internal server error: {problem}\n".encode(), _TEXT)
    return Response(200, b"ok", _TEXT)


def _all(page: str, found: Sequence[tuple[str, str | None]], excluded: Sequence[str], verbose: bool) -> Response:
    """``found``: of each check what is wrong, None for one that was left out."""
    lines, good = [], True
    for name, problem in found:
        if problem is None:
            lines.append(f"[+]{name} excluded: ok")
        elif problem:
            good = False
            lines.append(f"[-]{name} failed: reason withheld")
        else:
            lines.append(f"[+]{name} ok")
    known = {name for name, _ in found}
    if unknown := ", ".join(f'"{name}"' for name in excluded if name not in known):
        lines.append(f"warn: some health checks cannot be excluded: no matches for {unknown}")
    lines.append(f"{page} check {'passed' if good else 'failed'}")
    if good and not verbose:
        return Response(200, b"ok", _TEXT)
    return Response(200 if good else 500, ("\n".join(lines) + "\n").encode(), _TEXT)


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
