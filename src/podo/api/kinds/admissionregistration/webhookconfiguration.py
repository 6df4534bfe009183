"""ValidatingWebhookConfiguration and MutatingWebhookConfiguration (admissionregistration.k8s.io/v1): servers that are
asked before a write."""

from __future__ import annotations

from typing import Any

from podo.api.columns import AGE, NAME, column
from podo.api.kind import Kind, Obj
from podo.api.kinds.admissionregistration.rule_rules import (
    FAILURE_POLICIES,
    GROUP,
    MATCH_POLICIES,
    check_match_conditions,
    check_rule,
    fill_in_rules,
    name_warnings,
)
from podo.api.parts.labelselector import check_label_selector
from podo.api.parts.webhookclient import check_client
from podo.api.rules import Found, check_choice, duplicate, invalid, not_supported, required
from podo.values import names

_SIDE_EFFECTS = ("None", "NoneOnDryRun")
_REINVOCATION = ("IfNeeded", "Never")
_DEFAULTS = {
    "failurePolicy": "Fail",
    "matchPolicy": "Equivalent",
    "timeoutSeconds": 10,
    "reinvocationPolicy": "Never",
}
_VERSIONS = ("v1", "v1beta1")
_SECONDS_MAX = 30


def _fill_in(configuration: Obj) -> None:
    is_mutating = configuration.get("kind") == "MutatingWebhookConfiguration"
    for hook in configuration.get("webhooks") or ():
        for field, value in _DEFAULTS.items():
            if hook.get(field) is None and (is_mutating or field != "reinvocationPolicy"):
                hook[field] = value
        for field in ("namespaceSelector", "objectSelector"):
            hook[field] = hook.get(field) or {}
        service = (hook.get("clientConfig") or {}).get("service")
        if service and service.get("port") is None:
            service["port"] = 443
        fill_in_rules(hook.get("rules"))


def _problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    seen: set[str] = set()
    for index, hook in enumerate(new.get("webhooks") or ()):
        path = f"webhooks[{index}]"
        _check_webhook(hook, path, found)
        _check_versions(hook.get("admissionReviewVersions") or [], f"{path}.admissionReviewVersions", found)
        name = hook.get("name") or ""
        if name and name in seen:
            found.append(duplicate(f"{path}.name", name))
        seen.add(name)
    return found


def _check_webhook(hook: dict[str, Any], path: str, found: Found) -> None:
    _check_name(hook.get("name") or "", f"{path}.name", found)
    for index, rule in enumerate(hook.get("rules") or ()):
        check_rule(rule, f"{path}.rules[{index}]", found)
    check_choice(f"{path}.failurePolicy", hook.get("failurePolicy"), FAILURE_POLICIES, found)
    check_choice(f"{path}.matchPolicy", hook.get("matchPolicy"), MATCH_POLICIES, found)
    effects = hook.get("sideEffects")
    if effects is None:
        found.append(required(f"{path}.sideEffects", f"must specify one of {', '.join(_SIDE_EFFECTS)}"))
    elif effects not in _SIDE_EFFECTS:
        found.append(not_supported(f"{path}.sideEffects", effects, _SIDE_EFFECTS))
    seconds = hook.get("timeoutSeconds")
    if seconds is not None and not 1 <= seconds <= _SECONDS_MAX:
        found.append(invalid(f"{path}.timeoutSeconds", seconds, "the timeout value must be between 1 and 30 seconds"))
    for field in ("namespaceSelector", "objectSelector"):
        check_label_selector(hook.get(field) or {}, f"{path}.{field}", found)
    check_choice(f"{path}.reinvocationPolicy", hook.get("reinvocationPolicy"), _REINVOCATION, found)
    check_client(hook.get("clientConfig") or {}, f"{path}.clientConfig", found)
    check_match_conditions(hook.get("matchConditions") or [], f"{path}.matchConditions", found)


def _check_name(name: str, path: str, found: Found) -> None:
    if not name:
        found.append(required(path))
    elif messages := names.subdomain(name):
        found.append(invalid(path, name, ",".join(messages)))
    elif name.count(".") < 2:
        found.append(invalid(path, name, "should be a domain with at least three segments separated by dots"))


def _check_versions(versions: list[str], path: str, found: Found) -> None:
    if not versions:
        found.append(required(path, f"must specify one of {', '.join(_VERSIONS)}"))
        return
    for index, version in enumerate(versions):
        if version in versions[:index]:
            found.append(invalid(f"{path}[{index}]", version, "duplicate version"))
            continue
        found.extend(invalid(f"{path}[{index}]", version, message) for message in names.label_1035(version))
    if not any(version in _VERSIONS for version in versions):
        found.append(invalid(path, versions, f"must include at least one of {', '.join(_VERSIONS)}"))


def _kind(name: str) -> Kind:
    return Kind(
        group=GROUP,
        version="v1",
        kind=name,
        plural=f"{name.lower()}s",
        singular=name.lower(),
        namespaced=False,
        fill_in=_fill_in,
        problems=_problems,
        warnings=name_warnings,
        columns=(NAME, column("Webhooks", lambda given: len(given.get("webhooks") or ()), "integer"), AGE),
        generation=True,
        conditional=True,
        long_rules=True,
    )


VALIDATINGWEBHOOKCONFIGURATION = _kind("ValidatingWebhookConfiguration")
MUTATINGWEBHOOKCONFIGURATION = _kind("MutatingWebhookConfiguration")
