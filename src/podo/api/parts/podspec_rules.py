"""What a PodSpec must be like, of a pod or of a template (API reference: PodSpec): its rules in upstream's order."""

from __future__ import annotations

from typing import Any

import orjson

from podo.api.metadata_rules import check_labels
from podo.api.parts.addresses import check_ip
from podo.api.parts.affinity import check_affinity
from podo.api.parts.container_rules import Surroundings, check_containers, check_init_containers
from podo.api.parts.environment import check_file_volumes
from podo.api.parts.ephemeral_rules import check_ephemeral_containers
from podo.api.parts.podclaim_rules import check_pod_claims, claim_names
from podo.api.parts.podlevel_rules import check_pod_resources
from podo.api.parts.podnetwork_rules import check_dns, check_host_ports, check_hostname_override
from podo.api.parts.podos_rules import check_host_process, check_os
from podo.api.parts.podtemplate import containers_at
from podo.api.parts.resource_rules import check_resources
from podo.api.parts.securitycontext import check_pod_security
from podo.api.parts.spread_rules import check_spread
from podo.api.parts.toleration_rules import check_tolerations
from podo.api.parts.volume_rules import check_volumes
from podo.api.rules import Found, check_one_of, check_text, check_unique, forbidden, invalid
from podo.values import names

_RESTART = ("Always", "OnFailure", "Never")
_DNS = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_PREEMPTION = ("PreemptLowerPriority", "Never")
_INT32_MAX = 2**31 - 1

#: Specs that were found sound (those of pods, True, are held to more), as bytes, oldest first: the replicas of one
#: template differ in their names only.
_sound: dict[tuple[bool, bytes], None] = {}
_SOUND_MAX = 256
_SOUND_BYTES_MAX = 16 * 1024


def check_pod_spec(spec: dict[str, Any], path: str, found: Found, pod: str = "") -> None:
    """All of a PodSpec. ``path`` is where it stands, e.g. ``spec`` or ``spec.template.spec``. ``pod``: the name of the
    pod that it is of, if any; to a template some defaults and names are still to come."""
    key = (bool(pod), orjson.dumps(spec))
    if key in _sound:
        return
    before = len(found)
    _check(spec, key[1], path, found, pod)
    if pod:
        _check_of_pod(spec, path, found)
    if len(found) == before and len(key[1]) <= _SOUND_BYTES_MAX and not (pod and _by_name(spec)):
        if len(_sound) >= _SOUND_MAX:
            del _sound[next(iter(_sound))]
        _sound[key] = None


def _by_name(spec: dict[str, Any]) -> bool:
    """Is it sound only for a pod of its name?"""
    return any(volume.get("ephemeral") is not None for volume in spec.get("volumes") or ())


def _check(spec: dict[str, Any], encoded: bytes, path: str, found: Found, pod: str) -> None:
    """``encoded``: the same spec. What it does not name anywhere need not be looked for in each container."""
    volumes = check_volumes(spec.get("volumes") or (), pod, f"{path}.volumes", found)
    claims = spec.get("resourceClaims") or ()
    check_pod_claims(claims, f"{path}.resourceClaims", found)
    around = Surroundings.of(spec, volumes, claim_names(claims))
    check_containers(spec.get("containers") or (), around, f"{path}.containers", found)
    taken = {each.get("name") for each in spec.get("containers") or ()}
    check_init_containers(spec.get("initContainers") or (), taken, around, f"{path}.initContainers", found)
    check_ephemeral_containers(spec, around, path, found)
    check_pod_resources(spec, path, found)
    check_host_ports(spec, f"{path}.containers", bool(pod), found)
    check_one_of(f"{path}.restartPolicy", spec.get("restartPolicy"), _RESTART, found)
    check_one_of(f"{path}.dnsPolicy", spec.get("dnsPolicy"), _DNS, found)
    if selector := spec.get("nodeSelector"):
        check_labels(selector, f"{path}.nodeSelector", found)
    check_pod_security(spec, f"{path}.securityContext", found)
    if affinity := spec.get("affinity"):
        check_affinity(affinity, f"{path}.affinity", found)
    check_dns(spec, f"{path}.dnsConfig", found)
    _check_gates(spec, path, found)
    check_spread(spec.get("topologySpreadConstraints") or (), f"{path}.topologySpreadConstraints", found)
    if b'"hostProcess"' in encoded:
        check_host_process(spec, path, found)
    _check_own_users(spec, path, found)
    check_hostname_override(spec, f"{path}.hostnameOverride", found)
    _check_scalars(spec, path, found)
    check_os(spec, path, found)
    _check_group(spec, f"{path}.schedulingGroup", found)
    if b'"fileKeyRef"' in encoded:
        check_file_volumes(spec, path, found)


def _check_scalars(spec: dict[str, Any], path: str, found: Found) -> None:
    _check_name(spec, "serviceAccountName", names.subdomain, path, found)
    _check_name(spec, "nodeName", names.subdomain, path, found)
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline <= _INT32_MAX:
        why = f"must be between 1 and {_INT32_MAX}, inclusive"
        found.append(invalid(f"{path}.activeDeadlineSeconds", deadline, why))
    _check_name(spec, "hostname", names.label, path, found)
    _check_name(spec, "subdomain", names.label, path, found)
    check_tolerations(spec.get("tolerations") or (), f"{path}.tolerations", found)
    for index, alias in enumerate(spec.get("hostAliases") or ()):
        where = f"{path}.hostAliases[{index}]"
        check_ip(f"{where}.ip", alias.get("ip") or "", found)
        for at, name in enumerate(alias.get("hostnames") or ()):
            check_text(f"{where}.hostnames[{at}]", name, names.subdomain, found)
    _check_name(spec, "priorityClassName", names.subdomain, path, found)
    if (name := spec.get("runtimeClassName")) is not None:
        check_text(f"{path}.runtimeClassName", name, names.subdomain, found)
    if (policy := spec.get("preemptionPolicy")) is not None:
        check_one_of(f"{path}.preemptionPolicy", policy, _PREEMPTION, found)
    if overhead := spec.get("overhead"):
        check_resources({"limits": overhead}, f"{path}.overhead", found)


def _check_name(spec: dict[str, Any], field: str, rule: names.Rule, path: str, found: Found) -> None:
    if value := spec.get(field):
        check_text(f"{path}.{field}", value, rule, found)


def _check_gates(spec: dict[str, Any], path: str, found: Found) -> None:
    for index, gate in enumerate(spec.get("readinessGates") or ()):
        where = f"{path}.readinessGates[{index}].conditionType"
        check_text(where, gate.get("conditionType") or "", names.qualified_name, found)
    seen: set[Any] = set()
    for index, gate in enumerate(spec.get("schedulingGates") or ()):
        name = gate.get("name") or ""
        check_text(f"{path}.schedulingGates[{index}]", name, names.qualified_name, found)
        check_unique(f"{path}.schedulingGates[{index}]", name, seen, found)


def _check_own_users(spec: dict[str, Any], path: str, found: Found) -> None:
    """A pod with users of its own has all else of its own, too."""
    if spec.get("hostUsers") is not False:
        return
    why = "when `hostUsers` is false"
    for field, named in (("hostNetwork", "hostNetwork"), ("hostPID", "HostPID"), ("hostIPC", "HostIPC")):
        if spec.get(field):
            found.append(forbidden(f"{path}.{named}", why))
    for where, container in containers_at(spec, path):
        if container.get("volumeDevices"):
            found.append(forbidden(f"{where}.volumeDevices", why))


def _check_group(spec: dict[str, Any], path: str, found: Found) -> None:
    if (group := spec.get("schedulingGroup")) is None:
        return
    if (name := group.get("podGroupName")) is None:
        found.append(invalid(f"{path}.podGroupName", None, "must specify one of: `podGroupName`"))
    else:
        check_text(f"{path}.podGroupName", name, names.subdomain, found)


def _check_of_pod(spec: dict[str, Any], path: str, found: Found) -> None:
    """What a template may leave to those who fill it in."""
    if not spec.get("serviceAccountName"):
        why = "must not be specified when serviceAccountName is not set"
        for index, volume in enumerate(spec.get("volumes") or ()):
            for at, source in enumerate((volume.get("projected") or {}).get("sources") or ()):
                if source.get("serviceAccountToken") is not None:
                    where = f"{path}.volumes[{index}].projected.sources[{at}].serviceAccountToken"
                    found.append(forbidden(where, why))
    for field in ("containers", "initContainers", "ephemeralContainers"):
        for index, container in enumerate(spec.get(field) or ()):
            image = container.get("image") or ""
            if image != image.strip():
                why = "must not have leading or trailing whitespace"
                found.append(invalid(f"{path}.{field}[{index}].image", image, why))
