"""Do some rules allow all that others allow? What escalation checks and the upkeep of default roles ask."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product

from podo.api.kind import Obj
from podo.authz.rbac.rules import ALL, path_matches


def missing(held: Sequence[Obj], wanted: Iterable[Obj]) -> list[Obj]:
    """The parts of ``wanted`` that no rule of ``held`` covers, each of one verb on one resource (or path)."""
    return [part for rule in wanted for part in _parts(rule) if not any(_covers(owned, part) for owned in held)]


def _parts(rule: Obj) -> Iterable[Obj]:
    """A rule taken apart."""
    for verb in rule.get("verbs") or ():
        for url in rule.get("nonResourceURLs") or ():
            yield {"nonResourceURLs": [url], "verbs": [verb]}
    names = rule.get("resourceNames") or ()
    for group, resource, verb in product(
        rule.get("apiGroups") or (), rule.get("resources") or (), rule.get("verbs") or ()
    ):
        part = {"apiGroups": [group], "resources": [resource], "verbs": [verb]}
        if not names:
            yield part
        for name in names:
            yield {**part, "resourceNames": [name]}


def _covers(owned: Obj, part: Obj) -> bool:
    if not _has(owned, "verbs", part):
        return False
    if paths := part.get("nonResourceURLs"):
        return any(path_matches(url, paths[0]) for url in owned.get("nonResourceURLs") or ())
    if not _has(owned, "apiGroups", part) or not _has_resource(owned, part["resources"][0]):
        return False
    names = owned.get("resourceNames") or ()
    return not names or (bool(part.get("resourceNames")) and part["resourceNames"][0] in names)


def _has(owned: Obj, field: str, part: Obj) -> bool:
    values = owned.get(field) or ()
    return ALL in values or part[field][0] in values


def _has_resource(owned: Obj, resource: str) -> bool:
    values = owned.get("resources") or ()
    if ALL in values or resource in values:
        return True
    _, slash, subresource = resource.partition("/")
    return bool(slash) and f"*/{subresource}" in values


def compact(parts: Iterable[Obj]) -> list[Obj]:
    """Parts that differ in their verb only, put together again."""
    found: dict[tuple[tuple[str, ...], ...], Obj] = {}
    for part in parts:
        key = tuple(tuple(part.get(field) or ()) for field in _FIELDS[:-1])
        if known := found.get(key):
            known["verbs"] = [*known["verbs"], *(verb for verb in part["verbs"] if verb not in known["verbs"])]
        else:
            found[key] = dict(part)
    return list(found.values())


_FIELDS = ("apiGroups", "resources", "nonResourceURLs", "resourceNames", "verbs")


def shown(rule: Obj) -> str:
    """A rule in upstream's words: ``{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}``."""
    names = ("APIGroups", "Resources", "NonResourceURLs", "ResourceNames", "Verbs")
    parts = []
    for field, name in zip(_FIELDS, names, strict=True):
        if values := rule.get(field):
            parts.append(f"{name}:[" + " ".join(f'"{value}"' for value in values) + "]")
    return "{" + ", ".join(parts) + "}"
