"""What the ephemeral containers of a pod must be like (API reference: EphemeralContainer, KEP-277)."""

from __future__ import annotations

from typing import Any

from podo.api.parts.container_rules import Surroundings, check_container
from podo.api.parts.specdiff import difference
from podo.api.rules import Found, check_unique, forbidden, not_found

#: Fields of an ephemeral container that have a meaning. What a container is relied on for (ports, probes, hooks,
#: resources) has none.
_ALLOWED = frozenset(
    (
        *("name", "image", "command", "args", "workingDir", "env", "envFrom", "volumeMounts", "volumeDevices"),
        *("terminationMessagePath", "terminationMessagePolicy", "imagePullPolicy", "securityContext"),
        *("stdin", "stdinOnce", "tty", "targetContainerName"),
    )
)
_WHY = "cannot be set for an Ephemeral Container"
_SUB_PATHS = ("subPath", "subPathExpr")


def check_ephemeral_containers(spec: dict[str, Any], pod: Surroundings, path: str, found: Found) -> None:
    """All ephemeral containers of a pod's spec."""
    containers = spec.get("ephemeralContainers")
    if not containers:
        return
    lasting = {each.get("name") for field in ("containers", "initContainers") for each in spec.get(field) or ()}
    taken = set(lasting)
    for index, container in enumerate(containers):
        where = f"{path}.ephemeralContainers[{index}]"
        check_container(container, pod, where, found)
        name, target = container.get("name"), container.get("targetContainerName")
        check_unique(f"{where}.name", name, taken, found)
        if target and target not in lasting:
            found.append(not_found(f"{where}.targetContainerName", target))
        _check_fields(container, where, found)


def _check_fields(container: dict[str, Any], path: str, found: Found) -> None:
    for field, value in container.items():
        if value and field not in _ALLOWED:
            found.append(forbidden(f"{path}.{field}", _WHY))
    for index, mount in enumerate(container.get("volumeMounts") or ()):
        for field in _SUB_PATHS:
            if mount.get(field):
                found.append(forbidden(f"{path}.volumeMounts[{index}].{field}", _WHY))


def check_only_additions(new: dict[str, Any], old: dict[str, Any], found: Found) -> None:
    """Between two specs: an ephemeral container neither changes nor goes."""
    after = {container.get("name"): container for container in new.get("ephemeralContainers") or ()}
    for container in old.get("ephemeralContainers") or ():
        name, path = container.get("name"), "spec.ephemeralContainers"
        if (present := after.get(name)) is None:
            found.append(forbidden(path, f'existing ephemeral containers "{name}" may not be removed\n'))
        elif text := difference(container, present):
            found.append(forbidden(path, f'existing ephemeral containers "{name}" may not be changed\n{text}'))
