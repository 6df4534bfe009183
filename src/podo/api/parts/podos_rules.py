"""What a pod may set on the operating system that it names: no Linux settings on Windows, and the other way round.

Source: API reference PodOS and WindowsSecurityContextOptions; KEP-2802, KEP-1981 (HostProcess containers).
"""

from __future__ import annotations

import re
from typing import Any

from podo.api.parts.podtemplate import containers_at
from podo.api.rules import Found, check_text, forbidden, invalid, not_supported, required
from podo.values import names

_SYSTEMS = ("linux", "windows")
_NOT_ON_WINDOWS = "cannot be set for a windows pod"
#: Of a pod, in upstream's order: fields of its security context, and of its spec.
_POD = (
    *("securityContext.appArmorProfile", "securityContext.seLinuxOptions", "hostUsers", "hostPID", "hostIPC"),
    *("securityContext.seccompProfile", "securityContext.fsGroup", "securityContext.fsGroupChangePolicy"),
    *("securityContext.sysctls", "shareProcessNamespace", "securityContext.runAsUser", "securityContext.runAsGroup"),
    *("securityContext.supplementalGroups", "securityContext.supplementalGroupsPolicy"),
    "securityContext.seLinuxChangePolicy",
)
#: These count only if they are so.
_SWITCHES = ("hostPID", "hostIPC", "securityContext.sysctls")
_CONTAINER = (
    *("appArmorProfile", "seLinuxOptions", "seccompProfile", "capabilities", "readOnlyRootFilesystem", "privileged"),
    *("allowPrivilegeEscalation", "procMount", "runAsUser", "runAsGroup"),
)
_SPEC_MAX_KIB = 64
_DOMAIN_MAX, _USER_MAX = 256, 104
_has_control = re.compile(r"[\x00-\x1f\x7f]").search
_is_netbios = re.compile(r'[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}').fullmatch
_DNS_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_is_dns = re.compile(rf"{_DNS_LABEL}(?:\.{_DNS_LABEL})*").fullmatch
_is_dots = re.compile(r"[. ]+").fullmatch
_has_bad = re.compile(r'["/\\:;|=,+*?<>@\[\]]').search


def check_os(spec: dict[str, Any], path: str, found: Found) -> None:
    """``spec.os``, and what does not go with it; ``path`` is the spec's."""
    if spec.get("os") is None:
        return
    name = spec["os"].get("name") or ""
    if not name:
        found.append(required(f"{path}.os.name"))
    elif name not in _SYSTEMS:
        found.append(not_supported(f"{path}.os", name, _SYSTEMS))
    elif name == "linux":
        _check_linux(spec, path, found)
    else:
        _check_windows(spec, path, found)


def _check_linux(spec: dict[str, Any], path: str, found: Found) -> None:
    for where, one in ((path, spec), *containers_at(spec, path)):
        if (one.get("securityContext") or {}).get("windowsOptions") is not None:
            why = "windows options cannot be set for a linux pod"
            found.append(forbidden(f"{where}.securityContext.windowsOptions", why))


def _check_windows(spec: dict[str, Any], path: str, found: Found) -> None:
    context = spec.get("securityContext") or {}
    for field in _POD:
        of_context, _, last = field.rpartition(".")
        value = (context if of_context else spec).get(last)
        if value if field in _SWITCHES else value is not None:
            found.append(forbidden(f"{path}.{field}", _NOT_ON_WINDOWS))
    for where, container in containers_at(spec, path):
        own = container.get("securityContext") or {}
        for last in _CONTAINER:
            if own.get(last) is not None:
                found.append(forbidden(f"{where}.securityContext.{last}", _NOT_ON_WINDOWS))


def _host_process(one: dict[str, Any]) -> bool | None:
    value: bool | None = ((one.get("securityContext") or {}).get("windowsOptions") or {}).get("hostProcess")
    return value


def check_host_process(spec: dict[str, Any], path: str, found: Found) -> None:
    """All containers of a pod run as processes of their host, or none."""
    wanted = _host_process(spec)
    are: list[bool] = []
    for where, container in containers_at(spec, path):
        own = _host_process(container)
        if wanted is not None and own is not None and wanted != own:
            why = f"pod hostProcess value must be identical if both are specified, was {str(wanted).lower()}"
            found.append(invalid(f"{where}.securityContext.windowsOptions.hostProcess", own, why))
        are.append(bool(wanted if own is None else own))
    if not any(are):
        return
    if not all(are):
        why = "If pod contains any hostProcess containers then all containers must be HostProcess containers"
        found.append(invalid(path, "", why))
    if not spec.get("hostNetwork"):
        why = "hostNetwork must be true if pod contains any hostProcess containers"
        found.append(invalid(f"{path}.hostNetwork", False, why))


def check_windows_options(options: dict[str, Any] | None, path: str, found: Found) -> None:
    """WindowsSecurityContextOptions; None is none."""
    if options is None:
        return
    if (name := options.get("gmsaCredentialSpecName")) is not None:
        check_text(f"{path}.gmsaCredentialSpecName", name, names.subdomain, found)
    if (given := options.get("gmsaCredentialSpec")) is not None:
        where = f"{path}.gmsaCredentialSpec"
        if not given:
            found.append(invalid(where, given, "gmsaCredentialSpec cannot be an empty string"))
        elif len(given.encode()) > _SPEC_MAX_KIB * 1024:
            found.append(invalid(where, given, f"gmsaCredentialSpec size must be under {_SPEC_MAX_KIB} KiB"))
    if (user := options.get("runAsUserName")) is not None:
        why = f"{path}.runAsUserName"
        found.extend(invalid(why, user, message) for message in _user_problems(user))


def _user_problems(text: str) -> list[str]:
    """Of a name with or without a domain, ``DOMAIN\\USER``."""
    if not text:
        return ["runAsUserName cannot be an empty string"]
    if _has_control(text):
        return ["runAsUserName cannot contain control characters"]
    if text.count("\\") > 1:
        return ["runAsUserName cannot contain more than one backslash"]
    domain, backslash, user = text.rpartition("\\")
    found = []
    if len(domain) >= _DOMAIN_MAX:
        found.append(f"runAsUserName's Domain length must be under {_DOMAIN_MAX} characters")
    if backslash and not (_is_netbios(domain) or _is_dns(domain)):
        found.append("runAsUserName's Domain doesn't match the NetBios nor the DNS format")
    if not user:
        found.append("runAsUserName's User cannot be empty")
    elif len(user) > _USER_MAX:
        found.append(f"runAsUserName's User length must not be longer than {_USER_MAX} characters")
    if _is_dots(user):
        found.append("runAsUserName's User cannot contain only periods or spaces")
    if _has_bad(user):
        found.append("runAsUserName's User cannot contain the following characters: \"/\\:;|=,+*?<>@[]")
    return found
