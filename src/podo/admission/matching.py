"""Which writes a webhook or an admission policy is for: rules, scopes, selectors and matchPolicy.

A webhook's ``rules`` and a policy's MatchResources become one ``Criteria`` once, when they are read; a request is held
against it. Source: "Dynamic Admission Control" (Matching requests) and the API reference of MatchResources.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec

from podo.admission.request import AdmissionRequest, is_core
from podo.api import registry
from podo.api.errors import not_found
from podo.api.kind import Kind, Obj
from podo.values import selector
from podo.values.selector import Labels, Selector

_GROUP = "admissionregistration.k8s.io"
#: Neither webhooks nor policies are asked about these: a bad one could otherwise not be taken back.
_EXEMPT = frozenset(
    {
        "mutatingadmissionpolicies",
        "mutatingadmissionpolicybindings",
        "mutatingwebhookconfigurations",
        "validatingadmissionpolicies",
        "validatingadmissionpolicybindings",
        "validatingwebhookconfigurations",
    }
)


class _Metadata(msgspec.Struct):
    labels: dict[str, str] | None = None


class _Labelled(msgspec.Struct):
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)


_decode = msgspec.json.Decoder(_Labelled).decode


@dataclass(frozen=True, slots=True)
class Rule:
    """A RuleWithOperations. ``names`` empty: any name."""

    operations: frozenset[str]
    groups: frozenset[str]
    versions: frozenset[str]
    resources: frozenset[str]
    scope: str = "*"
    names: frozenset[str] = frozenset()

    def covers(self, kind: Kind, operation: str, subresource: str) -> bool:
        """Is the rule for such writes, whatever the object's name?"""
        return (
            _within(operation, self.operations)
            and _within(kind.group, self.groups)
            and _within(kind.version, self.versions)
            and self._has_resource(kind.plural, subresource)
            and self._has_scope(kind)
        )

    def _has_resource(self, plural: str, subresource: str) -> bool:
        full = f"{plural}/{subresource}" if subresource else plural
        every = f"*/{subresource}" if subresource else "*"
        return not self.resources.isdisjoint((full, every, "*/*", f"{plural}/*"))

    def _has_scope(self, kind: Kind) -> bool:
        return self.scope == "*" or (self.scope == "Namespaced") is kind.namespaced


def _within(value: str, wanted: frozenset[str]) -> bool:
    return "*" in wanted or value in wanted


def rules_of(rules: Iterable[Mapping[str, Any]] | None) -> tuple[Rule, ...]:
    """The rules of a webhook (``rules``) or a policy (``resourceRules``), in wire form."""
    return tuple(
        Rule(
            frozenset(rule.get("operations") or ()),
            frozenset(rule.get("apiGroups") or ()),
            frozenset(rule.get("apiVersions") or ()),
            frozenset(rule.get("resources") or ()),
            rule.get("scope") or "*",
            frozenset(rule.get("resourceNames") or ()),
        )
        for rule in rules or ()
    )


@dataclass(frozen=True, slots=True)
class Criteria:
    """What a request must be. ``rules`` None: a binding without rules takes what its policy takes."""

    rules: tuple[Rule, ...] | None
    excluded: tuple[Rule, ...] = ()
    equivalent: bool = True  # matchPolicy
    namespaces: Selector = selector.EVERYTHING
    objects: Selector = selector.EVERYTHING

    def covers(self, kind: Kind, operation: str, subresource: str) -> bool:
        """Can any such write match? Independent of the object, so the answer may be remembered."""
        return self.rules is None or self._first(self.rules, kind, operation, subresource, None) is not None

    def _first(
        self, rules: tuple[Rule, ...], kind: Kind, operation: str, subresource: str, name: str | None
    ) -> Kind | None:
        """The kind by which a rule covers the write: its own or, where that is allowed, an equivalent one."""
        for candidate in (kind, *equivalents(kind)) if self.equivalent else (kind,):
            for rule in rules:
                if rule.covers(candidate, operation, subresource) and (name is None or _within_names(name, rule)):
                    return candidate
        return None

    def kind_for(self, kind: Kind, operation: str, subresource: str, name: str) -> Kind | None:
        """In which kind the write matches the rules: its own, an equivalent one, or None if it does not match."""
        if self._first(self.excluded, kind, operation, subresource, name) is not None:
            return None
        return kind if self.rules is None else self._first(self.rules, kind, operation, subresource, name)


def _within_names(name: str, rule: Rule) -> bool:
    return not rule.names or name in rule.names


def criteria_of_policy(match: Mapping[str, Any] | None) -> Criteria:
    """A policy's or binding's MatchResources; None and one without ``resourceRules`` match every resource."""
    match = match or {}
    rules = match.get("resourceRules")
    return _criteria(match, rules_of(rules) if rules else None, rules_of(match.get("excludeResourceRules")))


def criteria_of_webhook(webhook: Mapping[str, Any]) -> Criteria:
    """A webhook of a configuration; without rules it matches nothing."""
    return _criteria(webhook, rules_of(webhook.get("rules")), ())


def _criteria(match: Mapping[str, Any], rules: tuple[Rule, ...] | None, excluded: tuple[Rule, ...]) -> Criteria:
    namespaces = selector.from_label_selector(match.get("namespaceSelector") or {})
    objects = selector.from_label_selector(match.get("objectSelector") or {})
    return Criteria(rules, excluded, match.get("matchPolicy") != "Exact", namespaces, objects)


@lru_cache(maxsize=1024)
def equivalents(kind: Kind) -> tuple[Kind, ...]:
    """The other kinds by which the same stored objects are served (autoscaling v1 and v2, events of both groups,
    the versions of a custom resource)."""
    if kind.custom is not None:
        return tuple(other for other in kind.versions if other is not kind)
    return tuple(other for other in registry.all_kinds() if other is not kind and other.prefix == kind.prefix)


def convert(obj: Obj | None, kind: Kind, wanted: Kind) -> Obj | None:
    """The object in the form of an equivalent kind."""
    if obj is None or kind is wanted:
        return obj
    stored = kind.to_stored(obj) if kind.to_stored else obj
    found = wanted.from_stored(stored) if wanted.from_stored else stored
    return {**found, "apiVersion": wanted.api_version, "kind": wanted.kind}


async def make_forms(request: AdmissionRequest, kind: Kind) -> None:
    """Let ``in_form_of`` know the objects of the request in the form of an equivalent kind. Raises ApiError."""
    if request.convert is None or kind is request.kind:
        return
    objects = [obj for obj in (request.object, request.old) if obj is not None and is_of_resource(request, obj)]
    made = iter(await request.convert(objects, kind.api_version) if objects else ())
    new, old = (next(made) if is_of_resource(request, obj) else obj for obj in (request.object, request.old))
    request.forms[kind] = new, old


def in_form_of(request: AdmissionRequest, kind: Kind, obj: Obj | None) -> Obj | None:
    """An object of the request in the form of an equivalent kind; a subresource's own kind has one form."""
    if kind is request.kind or not is_of_resource(request, obj):
        return obj
    if request.convert is not None:
        return request.forms[kind][obj is not request.object]
    return convert(obj, request.kind, kind)


async def in_own_form(request: AdmissionRequest, kind: Kind, obj: Obj) -> Obj:
    """The way back, for an object that was changed. Raises ApiError."""
    if kind is request.kind or not is_of_resource(request, request.object):
        return obj
    if request.convert is not None:
        return (await request.convert([obj], request.kind.api_version))[0]
    return convert(obj, kind, request.kind) or obj


def is_of_resource(request: AdmissionRequest, obj: Obj | None) -> bool:
    """Is ``obj`` of the resource's kind, and not a body of a subresource (Scale, Eviction, PodExecOptions)?"""
    return obj is not None and obj.get("kind") == request.kind.kind


def is_exempt(kind: Kind) -> bool:
    """Is the kind one that webhooks and policies never see?"""
    return kind.group == _GROUP and kind.plural in _EXEMPT


async def match(criteria: Criteria, request: AdmissionRequest) -> Kind | None:
    """The kind in whose form the request matches, or None. Raises NotFound where the namespace is gone."""
    name = request.name or _name_of(request)
    found = criteria.kind_for(request.kind, request.operation, request.subresource, name)
    if found is None or not matches_objects(criteria.objects, request.object, request.old):
        return None
    if criteria.namespaces.everything or (not request.kind.namespaced and not is_core(request.kind, "namespaces")):
        return found
    return found if criteria.namespaces.matches(await namespace_labels(request)) else None


def _name_of(request: AdmissionRequest) -> str:
    found = request.object or request.old or {}
    return str((found.get("metadata") or {}).get("name") or "")


def matches_objects(wanted: Selector, new: Obj | None, old: Obj | None) -> bool:
    """Does either state of the object have the labels? What has no metadata has none."""
    if wanted.everything:
        return True
    return any(obj is not None and wanted.matches(_labels_of(obj)) for obj in (new, old))


def _labels_of(obj: Obj) -> Labels:
    metadata = obj.get("metadata")
    labels = metadata.get("labels") if isinstance(metadata, dict) else None
    return labels if isinstance(labels, dict) else {}


async def namespace_labels(request: AdmissionRequest) -> Labels:
    """The labels that a namespaceSelector sees: of the object's namespace, or of the Namespace itself."""
    if is_core(request.kind, "namespaces"):
        seen = request.object if request.object is not None and not request.subresource else request.old
        return _labels_of(seen or {})
    return (_decode(await namespace_bytes(request))).metadata.labels or {}


async def namespace_bytes(request: AdmissionRequest) -> bytes:
    """The stored Namespace of a namespaced request. Raises NotFound."""
    namespaces = registry.named("Namespace")
    record = await request.store.get(namespaces.key("", request.namespace))
    if record is None:
        raise not_found(namespaces, request.namespace)
    return record.value
