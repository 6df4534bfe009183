"""What a control is, and how one ends: it holds, it does not (and what to do), or it says nothing of this cluster."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from podo.cluster.benchmark.ground import Ground

PASS, FAIL, NOT_APPLICABLE = "PASS", "FAIL", "NOT APPLICABLE"


@dataclass(frozen=True, slots=True)
class Finding:
    """``reason``: what was seen; ``remedy``: what to do about a failure."""

    verdict: str
    reason: str
    remedy: str = ""


def passed(reason: str) -> Finding:
    return Finding(PASS, reason)


def failed(reason: str, remedy: str) -> Finding:
    return Finding(FAIL, reason, remedy)


def skipped(reason: str) -> Finding:
    return Finding(NOT_APPLICABLE, reason)


def judged(wrong: str, reason: str, remedy: str) -> Finding:
    """A failure where something is ``wrong``, else a pass for ``reason``."""
    return failed(wrong, remedy) if wrong else passed(reason)


Check = Callable[[Ground], Awaitable[Finding]]


@dataclass(frozen=True, slots=True)
class Control:
    """``section``: of the CIS Kubernetes Benchmark."""

    section: str
    title: str
    check: Check
