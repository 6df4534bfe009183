"""ValidatingAdmissionPolicy and MutatingAdmissionPolicy (admissionregistration.k8s.io/v1): rules in CEL about
writes."""

from __future__ import annotations

from typing import Any

from podo.api.columns import AGE, NAME, column
from podo.api.kind import Kind, Obj
from podo.api.kinds.admissionregistration.matchresources import fill_in_match_resources
from podo.api.kinds.admissionregistration.rule_rules import GROUP, name_warnings
from podo.api.rules import Found


def _fill_in(policy: Obj) -> None:
    spec = policy["spec"] = policy.get("spec") or {}
    if spec.get("failurePolicy") is None:
        spec["failurePolicy"] = "Fail"
    if spec.get("matchConstraints") is not None:
        fill_in_match_resources(spec["matchConstraints"])


def _problems(new: Obj, old: Obj | None) -> Found:
    from podo.api.kinds.admissionregistration import policy_rules

    return policy_rules.validating_problems(new, old)


def _status_problems(new: Obj, old: Obj | None) -> Found:
    from podo.api.kinds.admissionregistration import policy_rules

    return policy_rules.status_problems(new, old)


def _mutating_problems(new: Obj, old: Obj | None) -> Found:
    from podo.api.kinds.admissionregistration import policy_rules

    return policy_rules.mutating_problems(new, old)


def _param_kind(policy: Obj) -> str:
    kind = (policy.get("spec") or {}).get("paramKind")
    return f"{kind.get('apiVersion', '')}/{kind.get('kind', '')}" if kind else "<unset>"


def _counted(field: str) -> Any:
    return lambda policy: len((policy.get("spec") or {}).get(field) or ())


VALIDATINGADMISSIONPOLICY = Kind(
    group=GROUP,
    version="v1",
    kind="ValidatingAdmissionPolicy",
    plural="validatingadmissionpolicies",
    singular="validatingadmissionpolicy",
    namespaced=False,
    fill_in=_fill_in,
    problems=_problems,
    status_problems=_status_problems,
    warnings=name_warnings,
    columns=(
        NAME,
        column("Validations", _counted("validations"), "integer"),
        column("ParamKind", _param_kind),
        AGE,
    ),
    subresources=frozenset({"status"}),
    generation=True,
    conditional=True,
    long_rules=True,
)
MUTATINGADMISSIONPOLICY = Kind(
    group=GROUP,
    version="v1",
    kind="MutatingAdmissionPolicy",
    plural="mutatingadmissionpolicies",
    singular="mutatingadmissionpolicy",
    namespaced=False,
    fill_in=_fill_in,
    problems=_mutating_problems,
    warnings=name_warnings,
    columns=(NAME, column("Mutations", _counted("mutations"), "integer"), column("ParamKind", _param_kind), AGE),
    generation=True,
    conditional=True,
    long_rules=True,
)
