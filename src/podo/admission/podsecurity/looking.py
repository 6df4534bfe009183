"""How controls look at pods, and how they say what they found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from podo.api.parts.podtemplate import each_container

Spec = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Violation:
    """What is wrong (``host namespaces``), and where exactly (``hostNetwork=true``)."""

    reason: str
    detail: str

    def __str__(self) -> str:
        return f"{self.reason} ({self.detail})" if self.detail else self.reason


def security(of: dict[str, Any]) -> dict[str, Any]:
    """The security context of a pod spec or a container; {} where it has none."""
    return of.get("securityContext") or {}


def containers(spec: Spec) -> Iterator[dict[str, Any]]:
    """All containers, init containers and ephemeral ones, in the order of upstream's messages."""
    yield from each_container(spec)


def quoted(names: Iterable[str]) -> str:
    """``"a", "b"``."""
    return ", ".join(f'"{name}"' for name in names)


def plural(word: str, many: str, names: Iterable[object]) -> str:
    return word if len(list(names)) == 1 else many


def named(names: list[str]) -> str:
    """``container "a"`` or ``containers "a", "b"``."""
    return f"{plural('container', 'containers', names)} {quoted(names)}"


def setters(pod: bool, names: list[str]) -> str:
    """Who said it: the pod, containers, or both; "" for nobody."""
    return " and ".join([*(["pod"] if pod else []), *([named(names)] if names else [])])


def runs_windows(spec: Spec) -> bool:
    return (spec.get("os") or {}).get("name") == "windows"


def has_own_users(spec: Spec) -> bool:
    """Is root inside of the pod nobody outside (KEP-127)?"""
    return spec.get("hostUsers") is False
