"""The controls that the level restricted adds: good practice for pods that need nothing special.

Source: "Pod Security Standards" of the Kubernetes documentation; KEP-127 for pods with users of their own.
"""

from __future__ import annotations

from podo.admission.podsecurity.baseline import capabilities_beside, must_not_add
from podo.admission.podsecurity.looking import (
    Spec,
    Violation,
    containers,
    has_own_users,
    named,
    plural,
    quoted,
    runs_windows,
    security,
    setters,
)
from podo.api.kind import Obj

_VOLUMES = frozenset(
    (
        *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral"),
        *("persistentVolumeClaim", "projected", "secret"),
    )
)
_ADDABLE = frozenset(("NET_BIND_SERVICE",))
_PROFILES = ("RuntimeDefault", "Localhost")


def escalation(metadata: Obj, spec: Spec) -> Violation | None:
    names = [
        container["name"]
        for container in containers(spec)
        if security(container).get("allowPrivilegeEscalation") is not False
    ]
    detail = f"{named(names)} must set securityContext.allowPrivilegeEscalation=false"
    return Violation("allowPrivilegeEscalation != false", detail) if names else None


def escalation_25(metadata: Obj, spec: Spec) -> Violation | None:
    return None if runs_windows(spec) else escalation(metadata, spec)


def capabilities(metadata: Obj, spec: Spec) -> Violation | None:
    keeping = [
        container["name"]
        for container in containers(spec)
        if "ALL" not in ((security(container).get("capabilities") or {}).get("drop") or ())
    ]
    adding, added = capabilities_beside(spec, _ADDABLE)
    said = [f'{named(keeping)} must set securityContext.capabilities.drop=["ALL"]'] if keeping else []
    said += [must_not_add(adding, added)] if adding else []
    return Violation("unrestricted capabilities", "; ".join(said)) if said else None


def capabilities_25(metadata: Obj, spec: Spec) -> Violation | None:
    return None if runs_windows(spec) else capabilities(metadata, spec)


def volumes(metadata: Obj, spec: Spec) -> Violation | None:
    names, types = [], set()
    for volume in spec.get("volumes") or ():
        found = [field for field in volume if field != "name"]
        others = [field for field in found if field not in _VOLUMES]
        if others:
            names.append(volume["name"])
            types.update(others)
    if not names:
        return None
    who = f"{plural('volume', 'volumes', names)} {quoted(names)} {plural('uses', 'use', names)}"
    what = f"restricted volume {plural('type', 'types', types)} {quoted(sorted(types))}"
    return Violation("restricted volume types", f"{who} {what}")


def non_root(metadata: Obj, spec: Spec) -> Violation | None:
    if has_own_users(spec):
        return None
    pod = security(spec).get("runAsNonRoot")
    said = [(container["name"], security(container).get("runAsNonRoot")) for container in containers(spec)]
    reason = "runAsNonRoot != true"
    who = setters(pod is False, [name for name, value in said if value is False])
    if who:
        return Violation(reason, f"{who} must not set securityContext.runAsNonRoot=false")
    silent = [name for name, value in said if value is None] if not pod else []
    detail = f"pod or {named(silent)} must set securityContext.runAsNonRoot=true"
    return Violation(reason, detail) if silent else None


def user(metadata: Obj, spec: Spec) -> Violation | None:
    if has_own_users(spec):
        return None
    names = [container["name"] for container in containers(spec) if security(container).get("runAsUser") == 0]
    who = setters(security(spec).get("runAsUser") == 0, names)
    return Violation("runAsUser=0", f"{who} must not set runAsUser=0") if who else None


def seccomp(metadata: Obj, spec: Spec) -> Violation | None:
    def type_of(of: Obj) -> str | None:
        return (security(of).get("seccompProfile") or {}).get("type")

    reason, field = "seccompProfile", "securityContext.seccompProfile.type"
    pod = type_of(spec)
    said = [(container["name"], type_of(container)) for container in containers(spec)]
    wrong = [(name, type_) for name, type_ in said if type_ not in (None, *_PROFILES)]
    bad = {type_ for _, type_ in wrong} | ({pod} if pod not in (None, *_PROFILES) else set())
    if bad:
        who = setters(pod in bad, [name for name, _ in wrong])
        return Violation(reason, f"{who} must not set {field} to {quoted(sorted(str(one) for one in bad))}")
    silent = [name for name, type_ in said if type_ is None] if pod is None else []
    detail = f'pod or {named(silent)} must set {field} to "RuntimeDefault" or "Localhost"'
    return Violation(reason, detail) if silent else None


def seccomp_25(metadata: Obj, spec: Spec) -> Violation | None:
    return None if runs_windows(spec) else seccomp(metadata, spec)
