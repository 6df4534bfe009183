"""AppArmor profiles of a new pod that are named by annotations, as they were of old, are taken over into the fields of
its containers, which nodes and Pod Security read.

Source: KEP-24, "Version Skew Strategy".
"""

from __future__ import annotations

from typing import Any

from podo.api.kind import Obj
from podo.api.parts.container_warnings import APPARMOR
from podo.api.parts.podtemplate import each_container
from podo.api.parts.securitycontext import check_app_armor
from podo.api.rules import Found

LOCAL = "localhost/"
TYPES = {"runtime/default": "RuntimeDefault", "unconfined": "Unconfined"}


def take_over(pod: Obj) -> list[str]:
    """Sets ``securityContext.appArmorProfile`` of containers that have none, in place. Gives what the client is told:
    of annotations that became fields, and of those that cannot."""
    annotations, spec = pod["metadata"].get("annotations") or {}, pod["spec"]
    if (spec.get("os") or {}).get("name") == "windows":
        return []
    found = []
    for container in each_container(spec):
        key, context = f"{APPARMOR}{container.get('name')}", container.get("securityContext") or {}
        if key not in annotations or context.get("appArmorProfile"):
            continue
        profile = _profile_of(annotations[key])
        if profile and profile == (spec.get("securityContext") or {}).get("appArmorProfile"):
            continue
        if profile:
            container["securityContext"] = {**context, "appArmorProfile": profile}
        found.append(f'metadata.annotations[{key}]: deprecated since v1.30; use the "appArmorProfile" field instead')
    return found


def _profile_of(annotation: str) -> dict[str, Any] | None:
    """None for what is no profile."""
    if kind := TYPES.get(annotation):
        return {"type": kind}
    if not annotation.startswith(LOCAL):
        return None
    profile = {"type": "Localhost", "localhostProfile": annotation.removeprefix(LOCAL)}
    wrong: Found = []
    check_app_armor(profile, "", wrong)
    return None if wrong else profile
