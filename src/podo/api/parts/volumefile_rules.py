"""What volumes made of files from the API must be like: Secrets, ConfigMaps, a pod's own fields (API reference:
KeyToPath, DownwardAPIVolumeFile)."""

from __future__ import annotations

from typing import Any

from podo.api.parts.environment import check_resource_ref, check_volume_field_ref
from podo.api.parts.paths import check_local
from podo.api.rules import Found, invalid, required

_MODE_MAX = 0o777
_BAD_MODE = "must be a number between 0 and 0777 (octal), both inclusive"


def check_files(source: dict[str, Any], path: str, found: Found) -> None:
    """A Secret or ConfigMap as files."""
    check_mode(source, "defaultMode", path, found)
    for index, item in enumerate(source.get("items") or ()):
        where = f"{path}.items[{index}]"
        if not item.get("key"):
            found.append(required(f"{where}.key"))
        check_file_path(item, where, found)
        check_mode(item, "mode", where, found)


def check_downward(source: dict[str, Any], path: str, found: Found) -> None:
    check_mode(source, "defaultMode", path, found)
    for item in source.get("items") or ():
        check_downward_file(item, path, found)


def check_downward_file(item: dict[str, Any], path: str, found: Found) -> None:
    """``path`` is the volume's: as upstream, which tells nothing of the place in the list."""
    check_file_path(item, path, found)
    field, resource = item.get("fieldRef"), item.get("resourceFieldRef")
    if field is not None:
        check_volume_field_ref(field, f"{path}.fieldRef", found)
        if resource is not None:
            why = "fieldRef and resourceFieldRef can not be specified simultaneously"
            found.append(invalid(path, "resource", why))
    elif resource is not None:
        check_resource_ref(resource, f"{path}.resourceFieldRef", found, needs_container=True)
    else:
        found.append(required(path, "one of fieldRef and resourceFieldRef is required"))
    check_mode(item, "mode", path, found)


def check_file_path(item: dict[str, Any], path: str, found: Found) -> None:
    """``path`` of a file in a volume."""
    if target := item.get("path"):
        check_local(f"{path}.path", target, found)
    else:
        found.append(required(f"{path}.path"))


def check_mode(source: dict[str, Any], field: str, path: str, found: Found) -> None:
    mode = source.get(field)
    if mode is not None and not 0 <= mode <= _MODE_MAX:
        found.append(invalid(f"{path}.{field}", mode, _BAD_MODE))
