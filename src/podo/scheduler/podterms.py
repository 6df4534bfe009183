"""What a pod demands of other pods: affinity, anti-affinity and spread, each as a query over pods and a topology key.

Sources: API reference PodAffinityTerm and TopologySpreadConstraint; KEP-3633 (matchLabelKeys, mismatchLabelKeys).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from podo.api.parts.nodeselector import PREFERRED, REQUIRED
from podo.values.selector import EVERYTHING, NOTHING, Requirement, Selector, from_label_selector

_NAMESPACE_NAME = "kubernetes.io/metadata.name"

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PodClass:
    """All that queries ask of a pod; equal for pods that every query treats alike."""

    namespace: str
    labels: tuple[tuple[str, str], ...]
    deleting: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """Pods of these namespaces, or of namespaces whose labels match, whose labels match ``selector``."""

    selector: Selector
    namespaces: frozenset[str]
    namespace_selector: Selector = NOTHING

    def matches(self, namespace: str, labels: Labels, namespace_labels: Mapping[str, Labels]) -> bool:
        inside = namespace in self.namespaces
        if not inside and not self.namespace_selector.nothing:
            inside = self.namespace_selector.matches(namespace_labels.get(namespace) or {_NAMESPACE_NAME: namespace})
        return inside and self.selector.matches(labels)


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """Pods that every part matches; ``living``: but for those being deleted. Compared by identity: each is made once
    for all pods of a template."""

    parts: tuple[Part, ...]
    living: bool = False

    def matches(self, pod: PodClass, namespace_labels: Mapping[str, Labels]) -> bool:
        if self.living and pod.deleting:
            return False
        labels = dict(pod.labels)
        return all(part.matches(pod.namespace, labels, namespace_labels) for part in self.parts)

    @property
    def by_namespace_labels(self) -> bool:
        return any(not part.namespace_selector.nothing for part in self.parts)


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """A term of affinity or anti-affinity. ``weight``: of a preferred one, negative for anti-affinity."""

    query: Query
    topology_key: str
    weight: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """A topology spread constraint; ``selector`` is what ``query`` has, but for an empty one, which counts nobody."""

    query: Query
    selector: Selector
    topology_key: str
    max_skew: int
    hard: bool
    min_domains: int = 1
    honors_affinity: bool = True
    honors_taints: bool = False


@dataclass(frozen=True, slots=True)
class PodTerms:
    """``all_affinity``: the pods that match all terms of required affinity at once, as those terms count."""

    affinity: tuple[Term, ...] = ()
    all_affinity: Query | None = None
    anti: tuple[Term, ...] = ()
    preferred: tuple[Term, ...] = ()
    spread: tuple[Spread, ...] = ()


NO_TERMS = PodTerms()
NO_CLASS = PodClass("", ())


def read_terms(spec: Mapping[str, Any], namespace: str, labels: Labels) -> PodTerms:
    """The demands of a pod; the same object for pods of the same template."""
    affinity = spec.get("affinity") or {}
    wanted = [affinity.get("podAffinity"), affinity.get("podAntiAffinity"), spec.get("topologySpreadConstraints")]
    if not any(wanted):
        return NO_TERMS
    text = json.dumps(wanted, sort_keys=True)
    by_label = "atchLabelKeys" in text  # matchLabelKeys, mismatchLabelKeys
    return _read(text, namespace, tuple(sorted(labels.items())) if by_label else ())


@lru_cache(maxsize=4096)
def _read(text: str, namespace: str, labels: tuple[tuple[str, str], ...]) -> PodTerms:
    together, apart, spread = json.loads(text)
    mine = dict(labels)
    affinity = tuple(_term(t, namespace, mine) for t in (together or {}).get(REQUIRED) or ())
    liked = [*_preferred(together, 1, namespace, mine), *_preferred(apart, -1, namespace, mine)]
    return PodTerms(
        affinity,
        Query(tuple(part for term in affinity for part in term.query.parts)) if affinity else None,
        tuple(_term(t, namespace, mine) for t in (apart or {}).get(REQUIRED) or ()),
        tuple(liked),
        tuple(_spread(c, namespace, mine) for c in spread or ()),
    )


def _preferred(affinity: Any, sign: int, namespace: str, labels: Labels) -> Iterable[Term]:
    for each in (affinity or {}).get(PREFERRED) or ():
        yield _term(each.get("podAffinityTerm") or {}, namespace, labels, sign * int(each.get("weight") or 0))


def _term(term: Mapping[str, Any], namespace: str, labels: Labels, weight: int = 0) -> Term:
    chosen = term.get("namespaceSelector")
    namespaces = frozenset(term.get("namespaces") or (() if chosen is not None else (namespace,)))
    part = Part(_selector(term, labels), namespaces, from_label_selector(chosen))
    return Term(Query((part,)), term.get("topologyKey") or "", weight)


def _selector(term: Mapping[str, Any], labels: Labels) -> Selector:
    """Where the API server has put the keys into the selector of an affinity's term, they count with the values that
    the labels had then."""
    selector = from_label_selector(term.get("labelSelector"))
    merged = {(each.key, each.operator) for each in selector.requirements}
    same = [_is(key, "in", labels) for key in term.get("matchLabelKeys") or () if key in labels]
    other = [_is(key, "notin", labels) for key in term.get("mismatchLabelKeys") or () if key in labels]
    return _with(selector, [each for each in (*same, *other) if (each.key, each.operator) not in merged])


def _with(selector: Selector, more: list[Requirement]) -> Selector:
    return selector if selector.nothing or not more else Selector((*selector.requirements, *more))


def _is(key: str, operator: str, labels: Labels) -> Requirement:
    return Requirement(key, operator, frozenset((labels[key],)))


def _spread(constraint: Mapping[str, Any], namespace: str, labels: Labels) -> Spread:
    selector = from_label_selector(constraint.get("labelSelector"))
    same = [_is(key, "in", labels) for key in constraint.get("matchLabelKeys") or () if key in labels]
    selector = _with(selector, [each for each in same if each not in selector.requirements])
    return spread_of(
        selector,
        namespace,
        constraint.get("topologyKey") or "",
        int(constraint.get("maxSkew") or 1),
        hard=constraint.get("whenUnsatisfiable") != "ScheduleAnyway",
        min_domains=int(constraint.get("minDomains") or 1),
        honors_affinity=constraint.get("nodeAffinityPolicy") != "Ignore",
        honors_taints=constraint.get("nodeTaintsPolicy") == "Honor",
    )


def spread_of(selector: Selector, namespace: str, key: str, max_skew: int, hard: bool, **more: Any) -> Spread:
    """A constraint over the living pods of a namespace. A selector that is empty counts nobody."""
    counted = NOTHING if selector == EVERYTHING else selector
    query = Query((Part(counted, frozenset((namespace,))),), living=True)
    return Spread(query, selector, key, max_skew, hard, **more)
