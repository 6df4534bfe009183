"""What security contexts must be like (API reference: SecurityContext, PodSecurityContext)."""

from __future__ import annotations

import re
from typing import Any

from podo.api.parts.volume_rules import check_relative
from podo.api.rules import Found, check_one_of, duplicate, invalid, required

_ID_MAX = 2**31 - 1
_PROFILES = ("Localhost", "RuntimeDefault", "Unconfined")
_GROUP_POLICIES = ("OnRootMismatch", "Always")
_SYSCTL_MAX = 253
#: Segments with dots or slashes between them.
_SYSCTL = re.compile(r"([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?")


def check_security(context: dict[str, Any], path: str, found: Found) -> None:
    """The security context of a container."""
    _check_ids(context, ("runAsUser", "runAsGroup"), path, found)
    _check_profiles(context, path, found)
    if context.get("procMount"):
        check_one_of(f"{path}.procMount", context["procMount"], ("Default", "Unmasked"), found)
    if context.get("allowPrivilegeEscalation") is False:
        if context.get("privileged"):
            why = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
            found.append(invalid(path, context, why))
        if "CAP_SYS_ADMIN" in ((context.get("capabilities") or {}).get("add") or ()):
            why = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN"
            found.append(invalid(path, context, why))


def check_pod_security(context: dict[str, Any], path: str, found: Found) -> None:
    """The security context of a pod."""
    _check_ids(context, ("runAsUser", "runAsGroup", "fsGroup"), path, found)
    for index, group in enumerate(context.get("supplementalGroups") or ()):
        _check_id(group, f"{path}.supplementalGroups[{index}]", found)
    _check_profiles(context, path, found)
    if context.get("fsGroupChangePolicy"):
        check_one_of(f"{path}.fsGroupChangePolicy", context["fsGroupChangePolicy"], _GROUP_POLICIES, found)
    seen = set()
    for index, sysctl in enumerate(context.get("sysctls") or ()):
        name = sysctl.get("name")
        if not name:
            found.append(required(f"{path}.sysctls[{index}].name"))
        elif name in seen:
            found.append(duplicate(f"{path}.sysctls[{index}].name", name))
        elif len(name) > _SYSCTL_MAX or not _SYSCTL.fullmatch(name):
            why = f"must have at most {_SYSCTL_MAX} characters and match regex ^{_SYSCTL.pattern}$"
            found.append(invalid(f"{path}.sysctls[{index}].name", name, why))
        seen.add(name)


def _check_ids(context: dict[str, Any], fields: tuple[str, ...], path: str, found: Found) -> None:
    for field in fields:
        if (value := context.get(field)) is not None:
            _check_id(value, f"{path}.{field}", found)


def _check_id(value: int, path: str, found: Found) -> None:
    if not 0 <= value <= _ID_MAX:
        found.append(invalid(path, value, f"must be between 0 and {_ID_MAX}, inclusive"))


def _check_profiles(context: dict[str, Any], path: str, found: Found) -> None:
    for field in ("seccompProfile", "appArmorProfile"):
        if (profile := context.get(field)) is None:
            continue
        where = f"{path}.{field}"
        check_one_of(f"{where}.type", profile.get("type"), _PROFILES, found)
        local = profile.get("localhostProfile")
        if profile.get("type") == "Localhost":
            if not local:
                why = "must be set when seccomp type is Localhost" if field == "seccompProfile" else ""
                found.append(required(f"{where}.localhostProfile", why))
            elif field == "seccompProfile":
                check_relative(f"{where}.localhostProfile", local, found)
        elif local:
            found.append(invalid(f"{where}.localhostProfile", local, "can only be set when type is Localhost"))
