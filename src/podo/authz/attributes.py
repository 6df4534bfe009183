"""What is asked for, as authorizers see it, their answer, and the text of a refusal."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple, Protocol


class Attributes(NamedTuple):
    """One question to an authorizer. ``path`` is set instead of the resource's fields for what is no resource."""

    user: str
    groups: tuple[str, ...]
    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""
    #: The field selector of a list or watch, as text.
    fields: str = ""
    #: The label selector of a list or watch, as text.
    labels: str = ""
    #: What only webhooks are told: empty where there are none.
    version: str = ""
    uid: str = ""
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()


class Decision(NamedTuple):
    """Neither ``allowed`` nor ``denied`` is no opinion: the next authorizer is asked. ``reason``: why, or why not,
    where known."""

    allowed: bool
    reason: str = ""
    denied: bool = False


class Unanswered(Exception):
    """A webhook must be asked first: await ``ask()``, then decide again."""

    def __init__(self, ask: Callable[[], Awaitable[None]]) -> None:
        super().__init__("an authorization webhook has not been asked")
        self.ask = ask


class Authorizer(Protocol):
    """Answers at once: what it decides from is in memory. What is not there yet raises Unanswered."""

    def decide(self, asked: Attributes) -> Decision: ...


def length(asked: Attributes) -> int:
    """Of all texts of the question: who asks chooses names and paths and, in a review, everything."""
    return sum(len(part) if isinstance(part, str) else sum(map(len, part)) + len(part) for part in asked)


def refusal(asked: Attributes, reason: str = "") -> str:
    """Upstream's words for a request that no rule allows."""
    text = _refused_path(asked) if asked.path else _refused_resource(asked)
    return f"{text}: {reason}" if reason else text


def _refused_path(asked: Attributes) -> str:
    return f'forbidden: User "{asked.user}" cannot {asked.verb} path "{asked.path}"'


def _refused_resource(asked: Attributes) -> str:
    resource = f"{asked.resource}/{asked.subresource}" if asked.subresource else asked.resource
    qualified = f"{asked.resource}.{asked.group}" if asked.group else asked.resource
    subject = f'{qualified} "{asked.name}"' if asked.name else qualified
    scope = f'in the namespace "{asked.namespace}"' if asked.namespace else "at the cluster scope"
    return (
        f'{subject} is forbidden: User "{asked.user}" cannot {asked.verb} resource "{resource}" '
        f'in API group "{asked.group}" {scope}'
    )
