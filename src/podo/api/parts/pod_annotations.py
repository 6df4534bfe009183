"""Annotations of a pod that the cluster reads: whose copy it is, what its deletion costs, and the profiles for seccomp
and AppArmor as they were named of old, which fields say today.

Source: "Well-Known Labels, Annotations and Taints"; KEP-24 (AppArmor), KEP-135 (seccomp).
"""

from __future__ import annotations

import re
from typing import Any

from podo.api.kind import Obj
from podo.api.parts import apparmor
from podo.api.parts.container_warnings import APPARMOR, SECCOMP
from podo.api.parts.paths import check_relative
from podo.api.parts.podtemplate import containers_at
from podo.api.rules import Found, forbidden, invalid

MIRROR = "kubernetes.io/config.mirror"
_COST = "controller.kubernetes.io/pod-deletion-cost"
SECCOMP_POD = "seccomp.security.alpha.kubernetes.io/pod"
_SECCOMP_PROFILES = {
    "runtime/default": "RuntimeDefault",
    "docker/default": "RuntimeDefault",
    "unconfined": "Unconfined",
}
_APPARMOR_PROFILES = {"": "", **apparmor.TYPES}
_is_number = re.compile("0|-?[1-9][0-9]*|[+][1-9][0-9]*", re.ASCII).fullmatch
_INT32 = 2**31


def check(metadata: Obj, spec: dict[str, Any], path: str, found: Found) -> None:
    """Of a pod or a template. ``path``: where the annotations stand."""
    annotations = metadata.get("annotations")
    if not annotations:
        return
    if (value := annotations.get(MIRROR)) is not None and not spec.get("nodeName"):
        found.append(invalid(f"{path}[{MIRROR}]", value, "must set spec.nodeName if mirror pod annotation is set"))
    if (cost := annotations.get(_COST)) is not None and not _is_int32(cost):
        found.append(invalid(f"{path}[{_COST}]", cost, "must be a 32bit integer"))
    for key, value in annotations.items():
        if key == SECCOMP_POD or key.startswith(SECCOMP):
            _check_seccomp(value, f"{path}.{key}", found)
    for key, value in annotations.items():
        if key.startswith(APPARMOR):
            _check_app_armor(key, value, spec, path, found)


def _is_int32(text: str) -> bool:
    return bool(_is_number(text)) and -_INT32 <= int(text) < _INT32


def _check_seccomp(value: str, path: str, found: Found) -> None:
    if value.startswith(apparmor.LOCAL):
        check_relative(path, value.removeprefix(apparmor.LOCAL), found)
    elif value not in _SECCOMP_PROFILES:
        found.append(invalid(path, value, "must be a valid seccomp profile"))


def _check_app_armor(key: str, value: str, spec: dict[str, Any], path: str, found: Found) -> None:
    name = key.removeprefix(APPARMOR)
    if all(container.get("name") != name for _, container in containers_at(spec, path)):
        found.append(invalid(f"{path}[{key}]", name, "container not found"))
    if value not in _APPARMOR_PROFILES and not value.startswith(apparmor.LOCAL):
        found.append(invalid(f"{path}[{key}]", value, f'invalid AppArmor profile name: "{value}"'))


def check_update(new: Obj, old: Obj, found: Found) -> None:
    """Between the metadata of a pod before and after: whose copy it is and its profiles stay."""
    after, before = new.get("annotations") or {}, old.get("annotations") or {}
    if after == before:
        return
    for key, value in before.items():
        if after.get(key) != value and (word := _fixed(key)):
            found.append(forbidden(f"metadata.annotations[{key}]", f"may not remove or update {word}"))
    for key in after:
        if key not in before and (word := _fixed(key)):
            found.append(forbidden(f"metadata.annotations[{key}]", f"may not add {word}"))


def _fixed(key: str) -> str:
    if key == MIRROR:
        return "mirror pod annotation"
    return "AppArmor annotations" if key.startswith(APPARMOR) else ""


def check_agreement(metadata: Obj, spec: dict[str, Any], path: str, found: Found) -> None:
    """Where an annotation and a field tell of one thing they tell the same. ``path`` is the spec's."""
    annotations = metadata.get("annotations")
    if not annotations or not any(key == SECCOMP_POD or key.startswith((SECCOMP, APPARMOR)) for key in annotations):
        return
    context = spec.get("securityContext") or {}
    where = f"{path}.securityContext.seccompProfile"
    _agree(annotations.get(SECCOMP_POD), context.get("seccompProfile"), "seccomp", where, found)
    for at, container in containers_at(spec, path):
        own, name = (container.get("securityContext") or {}).get("seccompProfile"), container.get("name")
        where = f"{at}.securityContext.seccompProfile"
        _agree(annotations.get(f"{SECCOMP}{name}"), own, "seccomp", where, found)
    if (spec.get("os") or {}).get("name") == "windows":
        return
    for at, container in containers_at(spec, path):
        own = (container.get("securityContext") or {}).get("appArmorProfile")
        profile, name = context.get("appArmorProfile") if own is None else own, container.get("name")
        where = f"{at}.securityContext.appArmorProfile"
        _agree(annotations.get(f"{APPARMOR}{name}"), profile, "apparmor", where, found)


def _agree(annotation: str | None, profile: dict[str, Any] | None, word: str, path: str, found: Found) -> None:
    if annotation is None or profile is None:
        return
    known = _SECCOMP_PROFILES if word == "seccomp" else _APPARMOR_PROFILES
    kind = "Localhost" if annotation.startswith(apparmor.LOCAL) else known.get(annotation)
    if profile.get("type") != kind:
        found.append(forbidden(f"{path}.type", f"{word} type in annotation and field must match"))
    elif kind == "Localhost" and profile.get("localhostProfile") != annotation.removeprefix(apparmor.LOCAL):
        found.append(forbidden(f"{path}.localhostProfile", f"{word} profile in annotation and field must match"))
