"""The unmodified kubectl of ``make setup``: run to its end, followed while it runs, or typed at in a terminal. Every
call has a deadline."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

BIN = Path(__file__).parents[2] / "build" / "bin"
KUBECTL, HELM = BIN / "kubectl", BIN / "helm"
#: What a command may take: more than any --timeout that it is given.
SECONDS = 180.0

Obj = dict[str, Any]


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    argv: Sequence[str]
    code: int
    out: str
    err: str

    def __str__(self) -> str:
        return f"$ {' '.join(self.argv)}\n{self.out}{self.err}(exit code {self.code})"


class Following:
    """A command that runs; what it writes can be waited for."""

    def __init__(self, argv: Sequence[str], environment: dict[str, str], *, terminal: bool = False) -> None:
        self.argv = argv
        self.seen = ""
        if terminal:
            self._reader, inner = pty.openpty()
            self._writer = self._reader
            streams: dict[str, Any] = {"stdin": inner, "stdout": inner, "stderr": inner}
        else:
            self._reader, inner = os.pipe()
            given, self._writer = os.pipe()
            streams = {"stdin": given, "stdout": inner, "stderr": inner}
        self.process = subprocess.Popen(argv, env=environment, start_new_session=True, **streams)
        os.close(inner)
        if not terminal:
            os.close(given)

    def type(self, text: str) -> None:
        os.write(self._writer, text.encode())

    def until(self, pattern: str, seconds: float = SECONDS) -> re.Match[str]:
        """Read on until the output matches."""
        deadline = time.monotonic() + seconds
        while not (found := re.search(pattern, self.seen, re.MULTILINE)):
            left = deadline - time.monotonic()
            assert left > 0 and self._read(left), f"$ {' '.join(self.argv)}: no {pattern!r} in\n{self.seen}"
        return found

    def forget(self) -> None:
        """What was written so far is not looked at again."""
        self.seen = ""

    def _read(self, seconds: float) -> bool:
        """False at the end of the output, or when nothing came."""
        if not select.select([self._reader], [], [], max(seconds, 0))[0]:
            return False
        try:
            data = os.read(self._reader, 65536)
        except OSError:  # a terminal whose other end is closed
            return False
        self.seen += data.decode(errors="replace")
        return bool(data)

    def end(self, seconds: float = SECONDS) -> Ended:
        """Let it come to its own end."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0 and self._read(left):
            pass
        code = self.process.wait(max(deadline - time.monotonic(), 1))
        return Ended(self.argv, code, self.seen, "")

    def interrupt(self) -> Ended:
        """Ctrl-C."""
        self.process.send_signal(signal.SIGINT)
        return self.end()

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for descriptor in {self._reader, self._writer}:
            os.close(descriptor)


@dataclass(frozen=True)
class Kubectl:
    kubeconfig: Path
    context: str
    namespace: str = "default"

    def within(self, namespace: str) -> Kubectl:
        return replace(self, namespace=namespace)

    def __call__(self, *arguments: str, given: object = None, seconds: float = SECONDS) -> str:
        """What it writes to stdout; AssertionError where it fails. ``given`` goes to stdin: text, an object or a list
        of objects."""
        ended = self.run(*arguments, given=given, seconds=seconds)
        assert ended.code == 0, str(ended)
        return ended.out

    def fails(self, *arguments: str, given: object = None, seconds: float = SECONDS) -> str:
        """What it writes to stderr; AssertionError where it succeeds."""
        ended = self.run(*arguments, given=given, seconds=seconds)
        assert ended.code != 0, str(ended)
        return ended.err

    def json(self, *arguments: str) -> Obj:
        found = json.loads(self(*arguments, "-o", "json"))
        assert isinstance(found, dict)
        return found

    def path(self, path: str, *arguments: str) -> str:
        """``get``, one JSONPath of it."""
        return self("get", *arguments, "-o", f"jsonpath={path}")

    def run(self, *arguments: str, given: object = None, seconds: float = SECONDS) -> Ended:
        argv = self.argv(*arguments)
        try:
            done = subprocess.run(
                argv,
                input=text(given),
                stdin=subprocess.DEVNULL if given is None else None,
                capture_output=True,
                env=self.environment,
                timeout=seconds,
                text=True,
            )
        except subprocess.TimeoutExpired as late:
            raise AssertionError(
                f"$ {' '.join(argv)}: not done within {seconds:g} s\n{late.stdout!r}\n{late.stderr!r}"
            ) from None
        return Ended(argv[:1] + list(arguments), done.returncode, done.stdout, done.stderr)

    @contextmanager
    def follow(self, *arguments: str, terminal: bool = False, editor: str = "false") -> Iterator[Following]:
        environment = {**self.environment, "KUBE_EDITOR": editor}
        following = Following(self.argv(*arguments), environment, terminal=terminal)
        try:
            yield following
        finally:
            following.close()

    def argv(self, *arguments: str) -> list[str]:
        return [str(KUBECTL), "--context", self.context, "--namespace", self.namespace, *arguments]

    @property
    def environment(self) -> dict[str, str]:
        cache = str(self.kubeconfig.parent / "kubectl-cache")
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return {**kept, "KUBECONFIG": str(self.kubeconfig), "KUBECACHEDIR": cache, "TERM": "dumb"}


def text(given: object) -> str | None:
    """A manifest as text."""
    if given is None or isinstance(given, str):
        return given
    return yaml.safe_dump_all(given if isinstance(given, list) else [given])
