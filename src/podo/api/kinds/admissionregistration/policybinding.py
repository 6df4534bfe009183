"""ValidatingAdmissionPolicyBinding and MutatingAdmissionPolicyBinding (admissionregistration.k8s.io/v1): where a policy
holds, and with which parameters."""

from __future__ import annotations

from typing import Any

from podo.api.columns import AGE, NAME, column, selector_text
from podo.api.kind import Kind, Obj
from podo.api.kinds.admissionregistration.matchresources import (
    check_match_resources,
    check_mutable,
    fill_in_match_resources,
)
from podo.api.kinds.admissionregistration.rule_rules import GROUP, name_warnings
from podo.api.parts.labelselector import check_label_selector
from podo.api.rules import Found, check_text, duplicate, forbidden, invalid, not_supported, required
from podo.values import names

_ACTIONS = ("Audit", "Deny", "Warn")
_NOT_FOUND = ("Allow", "Deny")


def _fill_in(binding: Obj) -> None:
    match = (binding.get("spec") or {}).get("matchResources")
    if match is not None:
        fill_in_match_resources(match)


def _check_binding(spec: dict[str, Any], found: Found) -> None:
    if name := spec.get("policyName"):
        check_text("spec.policyName", name, names.subdomain, found)
    else:
        found.append(required("spec.policyName"))
    if (reference := spec.get("paramRef")) is not None:
        _check_param_ref(reference, "spec.paramRef", found)
    if (match := spec.get("matchResources")) is not None:
        check_match_resources(match, "spec.matchResources", found)


def _check_param_ref(reference: dict[str, Any], path: str, found: Found) -> None:
    name, selector = reference.get("name") or "", reference.get("selector")
    if name:
        check_text(f"{path}.name", name, names.path_segment, found)
        if selector is not None:
            found.append(forbidden(f"{path}.name", "name and selector are mutually exclusive"))
    if selector is not None:
        check_label_selector(selector, f"{path}.selector", found)
        if name:
            found.append(forbidden(f"{path}.selector", "name and selector are mutually exclusive"))
    elif not name:
        found.append(required(path, "one of name or selector must be specified"))
    action = reference.get("parameterNotFoundAction")
    if not action:
        found.append(required(f"{path}.parameterNotFoundAction"))
    elif action not in _NOT_FOUND:
        found.append(not_supported(f"{path}.parameterNotFoundAction", action, _NOT_FOUND[::-1]))


def _mutating_problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    spec = new.get("spec") or {}
    _check_binding(spec, found)
    check_mutable(spec.get("matchResources") or {}, "spec.matchResources", found)
    return found


def _problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    spec = new.get("spec") or {}
    _check_binding(spec, found)
    actions = spec.get("validationActions") or []
    for index, action in enumerate(actions):
        if action not in _ACTIONS:
            found.append(not_supported(f"spec.validationActions[{index}]", action, _ACTIONS))
        if action in actions[:index]:
            found.append(duplicate(f"spec.validationActions[{index}]", action))
    if "Deny" in actions and "Warn" in actions:
        why = "must not contain both Deny and Warn (repeating the same validation failure information in the API "
        found.append(invalid("spec.validationActions", actions, f"{why}response and headers serves no purpose)"))
    if not actions:
        found.append(required("spec.validationActions", "at least one validation action is required"))
    return found


def _param_ref(binding: Obj) -> str:
    reference = (binding.get("spec") or {}).get("paramRef")
    if not reference:
        return "<unset>"
    if name := reference.get("name"):
        return f"{reference.get('namespace') or '*'}/{name}"
    return selector_text(reference.get("selector")) or "<unset>"


def _kind(name: str, problems: Any) -> Kind:
    return Kind(
        group=GROUP,
        version="v1",
        kind=name,
        plural=f"{name.lower()}s",
        singular=name.lower(),
        namespaced=False,
        fill_in=_fill_in,
        problems=problems,
        warnings=name_warnings,
        columns=(
            NAME,
            column("PolicyName", lambda binding: (binding.get("spec") or {}).get("policyName") or ""),
            column("ParamRef", _param_ref),
            AGE,
        ),
        generation=True,
        conditional=True,
    )


VALIDATINGADMISSIONPOLICYBINDING = _kind("ValidatingAdmissionPolicyBinding", _problems)
MUTATINGADMISSIONPOLICYBINDING = _kind("MutatingAdmissionPolicyBinding", _mutating_problems)
