"""Status of ValidatingAdmissionPolicies: which generation was looked at, and what the expressions get wrong of the
types that the rules name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from podo.api import registry
from podo.api.kind import Obj
from podo.api.meta import name_of
from podo.reconcile.actions import Action, SetStatus
from podo.reconcile.declare import Key, View, controller

if TYPE_CHECKING:
    from podo.api.kinds.admissionregistration.typechecking import Target

POLICY, DEFINITION = "ValidatingAdmissionPolicy", "CustomResourceDefinition"


def _all(definition: Obj, view: View) -> Iterator[Key]:
    """A new schema may be what a policy's expressions are about."""
    for policy in view.list(POLICY):
        yield Key("", name_of(policy))


@controller(reconciles=POLICY, watches={DEFINITION: _all})
def reconcile(key: Key, view: View) -> Iterator[Action]:
    policy = view.get(POLICY, key.name)
    if policy is None:
        return
    from podo.api.kinds.admissionregistration import typechecking  # CEL is loaded with the first policy

    def resource(group: str, version: str, plural: str) -> Target | None:
        built_in = registry.resource(group, version, plural)
        if built_in is not None:
            return _built_in(group, version, built_in.kind)
        return _custom(view, group, version, lambda spec: spec["names"]["plural"] == plural)

    def kind(api_version: str, name: str) -> Target | None:
        group, _, version = api_version.rpartition("/")
        found = _built_in(group, version, name)
        return found or _custom(view, group, version, lambda spec: spec["names"]["kind"] == name)

    found = typechecking.warnings(policy, resource, kind)
    checked: dict[str, Any] = {"expressionWarnings": found} if found else {}
    status = policy.get("status") or {}
    seen = policy["metadata"].get("generation", 0)
    yield SetStatus(policy, {**status, "observedGeneration": seen, "typeChecking": checked})


def _built_in(group: str, version: str, kind: str) -> Target | None:
    from podo.api.kinds.admissionregistration.typechecking import Target
    from podo.api.schema.declared import declared_kind

    declared = declared_kind(group, version, kind)
    return Target(_shown(group, version, kind), declared) if declared else None


def _shown(group: str, version: str, kind: str) -> str:
    return f"{group}/{version}, Kind={kind}" if group else f"{version}, Kind={kind}"


def _custom(view: View, group: str, version: str, is_meant: Any) -> Target | None:
    from podo.api.kinds.admissionregistration.typechecking import Target
    from podo.api.schema.declared import declared_custom

    for definition in view.list(DEFINITION):
        spec = definition["spec"]
        if spec["group"] != group or not is_meant(spec):
            continue
        for one in spec["versions"]:
            if one["name"] == version and one.get("served"):
                schema = (one.get("schema") or {}).get("openAPIV3Schema") or {}
                return Target(_shown(group, version, spec["names"]["kind"]), declared_custom(schema))
    return None
