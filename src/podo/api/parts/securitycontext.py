"""What security contexts must be like (API reference: SecurityContext, PodSecurityContext)."""

from __future__ import annotations

import re
from typing import Any

from podo.api.parts.paths import check_relative
from podo.api.parts.podos_rules import check_windows_options
from podo.api.rules import Found, check_choice, duplicate, invalid, not_supported, required, too_long

_ID_MAX = 2**31 - 1
_PROFILES = ("Localhost", "RuntimeDefault", "Unconfined")
_PROC_MOUNTS = ("Default", "Unmasked")
#: Fields of a pod's context with a closed set of values; the first is looked at before the profiles, the others after.
_GROUP_POLICY = ("fsGroupChangePolicy", ("Always", "OnRootMismatch"))
_POLICIES = (
    ("supplementalGroupsPolicy", ("Merge", "Strict")),
    ("seLinuxChangePolicy", ("MountOption", "Recursive")),
)
_PATH_MAX = 4095
_SYSCTL_MAX = 253
#: Segments with dots or slashes between them.
_SYSCTL = re.compile(r"([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?")
#: Sysctls of namespaces that a pod may share with its host: how they begin, with a dot behind.
_SHARED = (
    ("hostNetwork", ("net.",)),
    ("hostIPC", ("kernel.shm", "kernel.msg", "fs.mqueue.", "kernel.sem.")),
)


def check_security(context: dict[str, Any], own_users: bool, path: str, found: Found) -> None:
    """The security context of a container; ``own_users``: of a pod with users of its own."""
    _check_ids(context, ("runAsUser", "runAsGroup"), path, found)
    mount = context.get("procMount")
    check_choice(f"{path}.procMount", mount, _PROC_MOUNTS, found)
    if mount == "Unmasked" and not own_users:
        found.append(invalid(f"{path}.procMount", mount, "`hostUsers` must be false to use `Unmasked`"))
    _check_seccomp(context.get("seccompProfile"), f"{path}.seccompProfile", found)
    if context.get("allowPrivilegeEscalation") is False:
        if context.get("privileged"):
            why = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
            found.append(invalid(path, context, why))
        if "CAP_SYS_ADMIN" in ((context.get("capabilities") or {}).get("add") or ()):
            why = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN"
            found.append(invalid(path, context, why))
    check_windows_options(context.get("windowsOptions"), f"{path}.windowsOptions", found)
    check_app_armor(context.get("appArmorProfile"), f"{path}.appArmorProfile", found)


def check_pod_security(spec: dict[str, Any], path: str, found: Found) -> None:
    """The security context of a pod, and what its spec shares with the host; ``path`` is the context's."""
    context = spec.get("securityContext") or {}
    _check_ids(context, ("fsGroup", "runAsUser", "runAsGroup"), path, found)
    for index, group in enumerate(context.get("supplementalGroups") or ()):
        check_id(group, f"{path}.supplementalGroups[{index}]", found)
    if spec.get("shareProcessNamespace") and spec.get("hostPID"):
        why = "ShareProcessNamespace and HostPID cannot both be enabled"
        found.append(invalid(f"{path}.shareProcessNamespace", True, why))
    _check_sysctls(spec, context.get("sysctls") or (), f"{path}.sysctls", found)
    _check_policy(context, _GROUP_POLICY, path, found)
    _check_seccomp(context.get("seccompProfile"), f"{path}.seccompProfile", found)
    check_windows_options(context.get("windowsOptions"), f"{path}.windowsOptions", found)
    check_app_armor(context.get("appArmorProfile"), f"{path}.appArmorProfile", found)
    for policy in _POLICIES:
        _check_policy(context, policy, path, found)


def _check_policy(context: dict[str, Any], policy: tuple[str, tuple[str, ...]], path: str, found: Found) -> None:
    field, supported = policy
    check_choice(f"{path}.{field}", context.get(field), supported, found)


def _check_sysctls(spec: dict[str, Any], sysctls: Any, path: str, found: Found) -> None:
    seen = set()
    for index, sysctl in enumerate(sysctls):
        where, name = f"{path}[{index}].name", sysctl.get("name") or ""
        if not name:
            found.append(required(where))
        elif len(name) > _SYSCTL_MAX or not _SYSCTL.fullmatch(name):
            why = f"must have at most {_SYSCTL_MAX} characters and match regex ^{_SYSCTL.pattern}$"
            found.append(invalid(where, name, why))
        elif name in seen:
            found.append(duplicate(where, name))
        seen.add(name)
        dotted = f"{_dotted(name)}."
        for field, prefixes in _SHARED:
            if spec.get(field) and dotted.startswith(prefixes):
                found.append(invalid(where, name, f"may not be specified when '{field}' is true"))


def _dotted(name: str) -> str:
    """The name with dots between its segments, where slashes may be: then dots are part of a segment."""
    slash, dot = name.find("/"), name.find(".")
    if slash < 0 or 0 <= dot < slash:
        return name
    return name.translate(str.maketrans("/.", "./"))


def _check_ids(context: dict[str, Any], fields: tuple[str, ...], path: str, found: Found) -> None:
    for field in fields:
        if (value := context.get(field)) is not None:
            check_id(value, f"{path}.{field}", found)


def check_id(value: int, path: str, found: Found) -> None:
    """A number of a user or group."""
    if not 0 <= value <= _ID_MAX:
        found.append(invalid(path, value, f"must be between 0 and {_ID_MAX}, inclusive"))


def _check_seccomp(profile: dict[str, Any] | None, path: str, found: Found) -> None:
    if profile is None:
        return
    kind, local = profile.get("type") or "", profile.get("localhostProfile")
    _check_type(kind, "seccompProfile", path, found)
    if kind != "Localhost":
        if local is not None:
            found.append(invalid(f"{path}.localhostProfile", profile, "can only be set when seccomp type is Localhost"))
    elif not local:
        found.append(required(f"{path}.localhostProfile", "must be set when seccomp type is Localhost"))
    else:
        check_relative(f"{path}.localhostProfile", local, found)


def check_app_armor(profile: dict[str, Any] | None, path: str, found: Found) -> None:
    """An AppArmorProfile; None is none."""
    if profile is None:
        return
    kind, local, where = profile.get("type") or "", profile.get("localhostProfile"), f"{path}.localhostProfile"
    if kind != "Localhost":
        _check_type(kind, "appArmorProfile", path, found)
        if local is not None and kind in _PROFILES:
            found.append(invalid(where, local, "can only be set when AppArmor type is Localhost"))
        return
    if not local:
        found.append(required(where, "must be set when AppArmor type is Localhost"))
    elif local != local.strip():
        found.append(invalid(where, local, "must not be padded with whitespace"))
    if len(local or "") > _PATH_MAX:
        found.append(too_long(where, _PATH_MAX))


def _check_type(kind: str, field: str, path: str, found: Found) -> None:
    if not kind:
        found.append(required(f"{path}.type", f"type is required when {field} is set"))
    elif kind not in _PROFILES:
        found.append(not_supported(f"{path}.type", kind, _PROFILES))
