"""The controls of the level baseline: known ways out of a container.

Each takes the pod's metadata and spec and gives the violation, or None. Source: "Pod Security Standards" of the
Kubernetes documentation; KEP-2579, KEP-4940.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from podo.admission.podsecurity.looking import (
    Spec,
    Violation,
    containers,
    has_own_users,
    named,
    plural,
    quoted,
    security,
    setters,
)
from podo.api.kind import Obj

_CAPABILITIES = frozenset(
    (
        *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE"),
        *("SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
    )
)
_APP_ARMOR = "container.apparmor.security.beta.kubernetes.io/"
_SECCOMP_POD = "seccomp.security.alpha.kubernetes.io/pod"
_SECCOMP_CONTAINER = "container.seccomp.security.alpha.kubernetes.io/"
_SYSCTLS = (
    *("kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start"),
    *("net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range"),
)
_SYSCTLS_27 = (*_SYSCTLS, "net.ipv4.ip_local_reserved_ports")
_SYSCTLS_29 = (
    *_SYSCTLS_27,
    *("net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout"),
    *("net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes"),
)
_SYSCTLS_32 = (*_SYSCTLS_29, "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem")
_SELINUX_TYPES = ("", "container_t", "container_init_t", "container_kvm_t")


def app_armor(metadata: Obj, spec: Spec) -> Violation | None:
    def bad(of: dict[str, Any]) -> str:
        profile = security(of).get("appArmorProfile") or {}
        return "" if profile.get("type") in (None, "RuntimeDefault", "Localhost") else str(profile["type"])

    wrong = [container for container in containers(spec) if bad(container)]
    who = [setters(bool(bad(spec)), [one["name"] for one in wrong])]
    values = sorted({bad(of) for of in (spec, *wrong)} - {""})
    noted = sorted(
        f'{key}="{value}"'
        for key, value in (metadata.get("annotations") or {}).items()
        if key.startswith(_APP_ARMOR) and not (value in ("", "runtime/default") or value.startswith("localhost/"))
    )
    if noted:
        who.append(plural("annotation", "annotations", noted))
        values += noted
    if not values:
        return None
    reason = plural("forbidden AppArmor profile", "forbidden AppArmor profiles", values)
    return Violation(
        reason, f"{' and '.join(filter(None, who))} must not set AppArmor profile type to {quoted(values)}"
    )


def capabilities(metadata: Obj, spec: Spec) -> Violation | None:
    names, added = capabilities_beside(spec, _CAPABILITIES)
    return Violation("non-default capabilities", must_not_add(names, added)) if names else None


def capabilities_beside(spec: Spec, allowed: frozenset[str]) -> tuple[list[str], list[str]]:
    """The containers that add other capabilities, and these."""
    names, found = [], set()
    for container in containers(spec):
        others = {
            name for name in (security(container).get("capabilities") or {}).get("add") or () if name not in allowed
        }
        if others:
            names.append(container["name"])
            found |= others
    return names, sorted(found)


def must_not_add(names: list[str], added: list[str]) -> str:
    return f"{named(names)} must not include {quoted(added)} in securityContext.capabilities.add"


def host_namespaces(metadata: Obj, spec: Spec) -> Violation | None:
    found = [f"{field}=true" for field in ("hostNetwork", "hostPID", "hostIPC") if spec.get(field)]
    return Violation("host namespaces", ", ".join(found)) if found else None


def host_path_volumes(metadata: Obj, spec: Spec) -> Violation | None:
    found = [volume["name"] for volume in spec.get("volumes") or () if volume.get("hostPath") is not None]
    detail = f"{plural('volume', 'volumes', found)} {quoted(found)}"
    return Violation("hostPath volumes", detail) if found else None


def host_ports(metadata: Obj, spec: Spec) -> Violation | None:
    names, ports = [], set()
    for container in containers(spec):
        taken = {str(port["hostPort"]) for port in container.get("ports") or () if port.get("hostPort")}
        if taken:
            names.append(container["name"])
            ports |= taken
    if not names:
        return None
    word = plural("hostPort", "hostPorts", ports)
    return Violation(word, f"{named(names)} {plural('uses', 'use', names)} {word} {', '.join(sorted(ports))}")


def probe_hosts(metadata: Obj, spec: Spec) -> Violation | None:
    """From 1.34 on (KEP-4940)."""
    names, found = [], set()
    for container in containers(spec):
        hosts = set(_hosts(container))
        if hosts:
            names.append(container["name"])
            found |= hosts
    if not names:
        return None
    words = f"{plural('uses', 'use', names)} probe or lifecycle {plural('host', 'hosts', found)}"
    return Violation("probe or lifecycle host", f"{named(sorted(names))} {words} {quoted(sorted(found))}")


def _hosts(container: dict[str, Any]) -> Iterator[str]:
    handlers = [container.get(field) for field in ("livenessProbe", "readinessProbe", "startupProbe")]
    handlers += [(container.get("lifecycle") or {}).get(field) for field in ("postStart", "preStop")]
    for handler in handlers:
        for action in ("httpGet", "tcpSocket"):
            if host := ((handler or {}).get(action) or {}).get("host"):
                yield host


def privileged(metadata: Obj, spec: Spec) -> Violation | None:
    names = [container["name"] for container in containers(spec) if security(container).get("privileged")]
    return Violation("privileged", f"{named(names)} must not set securityContext.privileged=true") if names else None


def proc_mount(metadata: Obj, spec: Spec) -> Violation | None:
    names, found = [], set()
    for container in containers(spec):
        mount = security(container).get("procMount")
        if mount and mount != "Default":
            names.append(container["name"])
            found.add(mount)
    detail = f"{named(names)} must not set securityContext.procMount to {quoted(sorted(found))}"
    return Violation("procMount", detail) if names else None


def proc_mount_35(metadata: Obj, spec: Spec) -> Violation | None:
    """Pods with users of their own may see all of /proc."""
    return None if has_own_users(spec) else proc_mount(metadata, spec)


def selinux(metadata: Obj, spec: Spec) -> Violation | None:
    return _selinux(spec, _SELINUX_TYPES)


def selinux_31(metadata: Obj, spec: Spec) -> Violation | None:
    return _selinux(spec, (*_SELINUX_TYPES, "container_engine_t"))


def _selinux(spec: Spec, allowed: tuple[str, ...]) -> Violation | None:
    pod, names, types = False, [], set()
    fields: set[str] = set()
    for of in (spec, *containers(spec)):
        options = security(of).get("seLinuxOptions") or {}
        type_ = options.get("type") or ""
        wrong = {field for field in ("user", "role") if options.get(field)}
        if type_ not in allowed:
            types.add(type_)
        elif not wrong:
            continue
        fields |= wrong
        if of is spec:
            pod = True
        else:
            names.append(of["name"])
    if not (pod or names):
        return None
    said = [f"{plural('type', 'types', types)} {quoted(sorted(types))}"] if types else []
    said += [f"{field} may not be set" for field in ("user", "role") if field in fields]
    detail = f"{setters(pod, names)} set forbidden securityContext.seLinuxOptions: {'; '.join(said)}"
    return Violation("seLinuxOptions", detail)


def seccomp(metadata: Obj, spec: Spec) -> Violation | None:
    """Up to 1.18: annotations."""
    found = sorted(
        f'{key}="{value}"'
        for key, value in (metadata.get("annotations") or {}).items()
        if (key == _SECCOMP_POD or key.startswith(_SECCOMP_CONTAINER))
        and not (value in ("", "runtime/default", "docker/default") or value.startswith("localhost/"))
    )
    detail = f"forbidden {plural('annotation', 'annotations', found)} {', '.join(found)}"
    return Violation("seccompProfile", detail) if found else None


def seccomp_19(metadata: Obj, spec: Spec) -> Violation | None:
    pod, names, found = False, [], set()
    for of in (spec, *containers(spec)):
        type_ = (security(of).get("seccompProfile") or {}).get("type")
        if type_ in (None, "RuntimeDefault", "Localhost"):
            continue
        found.add(type_)
        if of is spec:
            pod = True
        else:
            names.append(of["name"])
    detail = f"{setters(pod, names)} must not set securityContext.seccompProfile.type to {quoted(sorted(found))}"
    return Violation("seccompProfile", detail) if found else None


def sysctls(metadata: Obj, spec: Spec) -> Violation | None:
    return _sysctls(spec, _SYSCTLS)


def sysctls_27(metadata: Obj, spec: Spec) -> Violation | None:
    return _sysctls(spec, _SYSCTLS_27)


def sysctls_29(metadata: Obj, spec: Spec) -> Violation | None:
    return _sysctls(spec, _SYSCTLS_29)


def sysctls_32(metadata: Obj, spec: Spec) -> Violation | None:
    return _sysctls(spec, _SYSCTLS_32)


def _sysctls(spec: Spec, allowed: tuple[str, ...]) -> Violation | None:
    found = [one["name"] for one in security(spec).get("sysctls") or () if one.get("name") not in allowed]
    return Violation("forbidden sysctls", ", ".join(found)) if found else None


def windows_host_process(metadata: Obj, spec: Spec) -> Violation | None:
    def is_host(of: dict[str, Any]) -> bool:
        return bool((security(of).get("windowsOptions") or {}).get("hostProcess"))

    names = [container["name"] for container in containers(spec) if is_host(container)]
    who = setters(is_host(spec), names)
    detail = f"{who} must not set securityContext.windowsOptions.hostProcess=true"
    return Violation("hostProcess", detail) if who else None
