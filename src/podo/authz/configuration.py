"""Structured authorization: an AuthorizationConfiguration (apiserver.config.k8s.io), read and checked.

Source: "Configuring the API Server using an Authorization Config File" of the Kubernetes documentation; KEP-3221.
"""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from podo.api.configuration import GROUP, ConfigurationProblem, decoded
from podo.api.rules import Found, check_text, duplicate, invalid, not_supported, required, too_many
from podo.authz import conditions
from podo.authz.settings import AuthorizationSettings, WebhookSettings
from podo.cel.program import CompileError, Program
from podo.client import kubeconfig
from podo.values import names

KIND = "AuthorizationConfiguration"
VERSIONS = tuple(f"{GROUP}/{version}" for version in ("v1", "v1beta1", "v1alpha1"))
BUILT_IN = ("AlwaysAllow", "AlwaysDeny", "ABAC", "Node", "RBAC")
MOST_CONDITIONS = 64
MOST_SECONDS = 30.0
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?(?:(\d+)ms)?")


class _Connection(msgspec.Struct, forbid_unknown_fields=True):
    type: str = ""
    kubeConfigFile: str = ""


class _Condition(msgspec.Struct, forbid_unknown_fields=True):
    expression: str = ""


class _Webhook(msgspec.Struct, forbid_unknown_fields=True):
    timeout: str = ""
    authorizedTTL: str = "5m"
    unauthorizedTTL: str = "30s"
    cacheAuthorizedRequests: bool = True
    cacheUnauthorizedRequests: bool = True
    subjectAccessReviewVersion: str = ""
    matchConditionSubjectAccessReviewVersion: str = ""
    failurePolicy: str = ""
    connectionInfo: _Connection = msgspec.field(default_factory=_Connection)
    matchConditions: tuple[_Condition, ...] = ()


class _Authorizer(msgspec.Struct, forbid_unknown_fields=True):
    type: str = ""
    name: str = ""
    webhook: _Webhook | None = None


class _Configuration(msgspec.Struct, forbid_unknown_fields=True):
    apiVersion: str = ""
    kind: str = ""
    authorizers: tuple[_Authorizer, ...] = ()


def parse(document: bytes, where: str) -> AuthorizationSettings:
    """Reads the kubeconfig files that it names, too. Raises ConfigurationProblem."""
    found = decoded(document, where, _Configuration, KIND, VERSIONS)
    problems: Found = []
    order: list[str | WebhookSettings] = []
    seen: set[str] = set()
    if not found.authorizers:
        problems.append(required("authorizers", "at least one authorization mode must be defined"))
    for number, one in enumerate(found.authorizers):
        path = f"authorizers[{number}]"
        if one.type == "Webhook":
            settings = _webhook(one, path, problems)
            order += [settings] if settings else []
        elif one.type in BUILT_IN:
            order.append(one.type)
            if one.webhook is not None:
                problems.append(invalid(f"{path}.webhook", "", "may only be specified when type=Webhook"))
        else:
            problems.append(not_supported(f"{path}.type", one.type, (*BUILT_IN, "Webhook")))
        if not one.name:
            problems.append(required(f"{path}.name"))
        else:
            check_text(f"{path}.name", one.name, names.subdomain, problems)
        for mark, field in ((one.name, "name"), (one.type if one.type in BUILT_IN else "", "type")):
            if mark and f"{field} {mark}" in seen:
                problems.append(duplicate(f"{path}.{field}", mark))
            seen.add(f"{field} {mark}")
    if problems:
        raise ConfigurationProblem(f"{where}: " + "; ".join(map(str, problems)))
    return AuthorizationSettings(tuple(order))


def _webhook(one: _Authorizer, path: str, problems: Found) -> WebhookSettings | None:
    before, hook = len(problems), one.webhook
    if hook is None:
        problems.append(required(f"{path}.webhook", "required when type=Webhook"))
        return None
    path = f"{path}.webhook"
    versions = ["subjectAccessReviewVersion"]
    if hook.matchConditions:
        versions.append("matchConditionSubjectAccessReviewVersion")
    for field in versions:
        if getattr(hook, field) != "v1":
            problems.append(not_supported(f"{path}.{field}", getattr(hook, field), ("v1",)))
    if hook.failurePolicy not in ("NoOpinion", "Deny"):
        problems.append(not_supported(f"{path}.failurePolicy", hook.failurePolicy, ("NoOpinion", "Deny")))
    timeout = _seconds(hook.timeout, f"{path}.timeout", problems)
    if not 0 < timeout <= MOST_SECONDS:
        problems.append(invalid(f"{path}.timeout", hook.timeout, "must be > 0s and <= 30s"))
    authorized = _seconds(hook.authorizedTTL, f"{path}.authorizedTTL", problems) * hook.cacheAuthorizedRequests
    unauthorized = _seconds(hook.unauthorizedTTL, f"{path}.unauthorizedTTL", problems) * hook.cacheUnauthorizedRequests
    matching = _conditions(hook, path, problems)
    access = _access(hook.connectionInfo, f"{path}.connectionInfo", problems)
    if access is None or len(problems) > before:
        return None
    denies = hook.failurePolicy == "Deny"
    return WebhookSettings(one.name, access, timeout, authorized, unauthorized, denies, matching)


def _access(info: _Connection, path: str, problems: Found) -> kubeconfig.Access | None:
    if info.type != "KubeConfigFile":
        problems.append(not_supported(f"{path}.type", info.type, ("KubeConfigFile",)))
        return None
    file = Path(info.kubeConfigFile)
    if not file.is_absolute():
        problems.append(invalid(f"{path}.kubeConfigFile", info.kubeConfigFile, "must be an absolute path"))
        return None
    try:
        return kubeconfig.read(file)
    except (OSError, ValueError) as problem:
        problems.append(invalid(f"{path}.kubeConfigFile", info.kubeConfigFile, str(problem)))
        return None


def _seconds(text: str, path: str, problems: Found) -> float:
    found = _DURATION.fullmatch(text)
    if not found or not any(found.groups()):
        problems.append(invalid(path, text, "must be a duration, such as 30s or 5m"))
        return 0.0
    hours, minutes, seconds, milliseconds = (float(part or 0) for part in found.groups())
    return hours * 3600 + minutes * 60 + seconds + milliseconds / 1000


def _conditions(hook: _Webhook, path: str, problems: Found) -> tuple[Program, ...]:
    if len(hook.matchConditions) > MOST_CONDITIONS:
        problems.append(too_many(f"{path}.matchConditions", len(hook.matchConditions), MOST_CONDITIONS))
    found: list[Program] = []
    for number, one in enumerate(hook.matchConditions):
        place = f"{path}.matchConditions[{number}].expression"
        if not one.expression.strip():
            problems.append(required(place))
            continue
        try:
            found.append(conditions.compiled(one.expression))
        except CompileError as problem:
            problems.append(invalid(place, one.expression, str(problem)))
    return tuple(found)
