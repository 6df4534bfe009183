"""The webhooks of all configurations of a kind, compiled, in the order in which they are called."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import orjson

from podo.admission import matching
from podo.admission.concerned import Concerned
from podo.admission.matching import Criteria
from podo.api.kind import Kind, Obj


@dataclass(frozen=True, slots=True, eq=False)
class Hook:
    """One entry of ``webhooks`` in a configuration."""

    name: str
    configuration: str
    client: Obj  # its clientConfig
    criteria: Criteria
    conditions: tuple[Obj, ...]  # its matchConditions
    versions: tuple[str, ...]  # of AdmissionReview, the wished one first
    seconds: float
    fails_closed: bool
    reinvoked: bool


def hooks_of(configuration: Obj) -> tuple[Hook, ...]:
    """The webhooks of a configuration with its defaults filled in."""
    name = configuration["metadata"]["name"]
    return tuple(_hook(name, entry) for entry in configuration.get("webhooks") or ())


def _hook(configuration: str, entry: Obj) -> Hook:
    return Hook(
        entry["name"],
        configuration,
        entry["clientConfig"],
        matching.criteria_of_webhook(entry),
        tuple(entry.get("matchConditions") or ()),
        tuple(entry.get("admissionReviewVersions") or ()),
        float(entry.get("timeoutSeconds") or 10),
        entry.get("failurePolicy") != "Ignore",
        entry.get("reinvocationPolicy") == "IfNeeded",
    )


class Hooks:
    """``active`` is false while there are none: every write looks at it. Told of each change of a configuration."""

    def __init__(self) -> None:
        self._by_configuration: dict[str, tuple[Hook, ...]] = {}
        self.concerned = Concerned(self._covering)
        self.active = False

    def told(self, key: str, value: bytes | None, before: bytes | None) -> None:
        """A configuration's bytes as now stored, None if it is gone."""
        hooks = hooks_of(orjson.loads(value)) if value else ()
        if hooks:
            self._by_configuration[key] = hooks
        else:
            self._by_configuration.pop(key, None)
        self.active = bool(self._by_configuration)
        self.concerned.forget()

    def _covering(self, kind: Kind, operation: str, subresource: str) -> Iterator[Hook]:
        """By the names of their configurations."""
        for _, hooks in sorted(self._by_configuration.items()):
            yield from (hook for hook in hooks if hook.criteria.covers(kind, operation, subresource))
