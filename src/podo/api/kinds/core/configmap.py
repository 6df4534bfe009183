"""ConfigMap (v1): plain configuration as keys and values."""

from __future__ import annotations

from podo.api.columns import AGE, NAME, column
from podo.api.kind import Kind, Obj
from podo.api.rules import Found, check_text, forbidden, invalid, too_long
from podo.values import names

#: Keys and values of one ConfigMap or Secret together, in bytes.
SIZE_MAX = 1024 * 1024
FROZEN = "field is immutable when `immutable` is set"


def _problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    if old is not None:
        check_frozen(new, old, ("data", "binaryData"), found)
    data, binary = new.get("data") or {}, new.get("binaryData") or {}
    size = 0
    for key, value in data.items():
        check_text(f"data[{key}]", key, names.config_key, found)
        if key in binary:
            found.append(invalid(f"data[{key}]", key, "duplicate of key present in binaryData"))
        size += len(value) if value.isascii() else len(value.encode())
    for key, value in binary.items():
        check_text(f"binaryData[{key}]", key, names.config_key, found)
        size += decoded_size(value)
    if size > SIZE_MAX:
        found.append(too_long("[]", SIZE_MAX))
    return found


def check_frozen(new: Obj, old: Obj, fields: tuple[str, ...], found: Found) -> None:
    """What ``immutable: true`` on the stored object forbids."""
    if not old.get("immutable"):
        return
    if not new.get("immutable"):
        found.append(forbidden("immutable", FROZEN))
    for field in fields:
        if (new.get(field) or {}) != (old.get(field) or {}):
            found.append(forbidden(field, FROZEN))


def decoded_size(text: str) -> int:
    """The number of bytes that base64 text stands for."""
    return len(text) * 3 // 4 - text.count("=", -2)


CONFIGMAP = Kind(
    group="",
    version="v1",
    kind="ConfigMap",
    plural="configmaps",
    singular="configmap",
    short_names=("cm",),
    problems=_problems,
    columns=(
        NAME,
        column("Data", lambda obj: len(obj.get("data") or ()) + len(obj.get("binaryData") or ())),
        AGE,
    ),
)
