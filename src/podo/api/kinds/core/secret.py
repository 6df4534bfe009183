"""Secret (v1): configuration that is to be kept from view."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode

from podo.api.columns import AGE, NAME, column
from podo.api.kind import Kind, Obj
from podo.api.kinds.core.configmap import SIZE_MAX, check_frozen, decoded_size
from podo.api.parts import keypair
from podo.api.rules import Found, check_immutable, check_text, invalid, required, too_long
from podo.values import names

_OPAQUE = "Opaque"
#: The keys that a Secret of a known type must have.
_KEYS = {
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
}
_JSON_KEYS = (".dockercfg", ".dockerconfigjson")
_ACCOUNT = "kubernetes.io/service-account.name"


def _fill_in(secret: Obj) -> None:
    secret["type"] = secret.get("type") or _OPAQUE
    plain = secret.pop("stringData", None)
    if plain:
        data = secret["data"] = secret.get("data") or {}
        for key, value in plain.items():
            data[key] = b64encode(value.encode()).decode()


def _problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    if old is not None:
        check_immutable("type", new.get("type"), old.get("type"), found)
        check_frozen(new, old, ("data",), found)
    data = new.get("data") or {}
    for key in data:
        check_text(f"data[{key}]", key, names.config_key, found)
    if sum(map(decoded_size, data.values())) > SIZE_MAX:
        found.append(too_long("data", SIZE_MAX))
    _check_type(new, data, found)
    return found


def _check_type(secret: Obj, data: dict[str, str], found: Found) -> None:
    kind = secret.get("type")
    for key in _KEYS.get(kind or "", ()):
        if key not in data:
            found.append(required(f"data[{key}]"))
        elif key in _JSON_KEYS and not _is_json(data[key]):
            found.append(invalid(f"data[{key}]", "<secret contents redacted>", "must be valid JSON"))
    if kind == "kubernetes.io/basic-auth" and not ("username" in data or "password" in data):
        found.append(required("data[username]"))
        found.append(required("data[password]"))
    if kind == "kubernetes.io/service-account-token" and not (secret["metadata"].get("annotations") or {}).get(
        _ACCOUNT
    ):
        found.append(required(f"metadata.annotations[{_ACCOUNT}]"))


def _is_json(text: str) -> bool:
    try:
        json.loads(b64decode(text))
    except ValueError:
        return False
    return True


def _warnings(new: Obj, old: Obj | None) -> list[str]:
    if new.get("type") != "kubernetes.io/tls":
        return []
    data = new.get("data") or {}
    pair = [b64decode(data.get(key) or "").decode("latin-1") for key in ("tls.crt", "tls.key")]
    problem = keypair.problem(*pair)
    return [problem] if problem else []


SECRET = Kind(
    group="",
    version="v1",
    kind="Secret",
    plural="secrets",
    singular="secret",
    fill_in=_fill_in,
    problems=_problems,
    warnings=_warnings,
    columns=(
        NAME,
        column("Type", lambda secret: secret.get("type") or ""),
        column("Data", lambda secret: len(secret.get("data") or ())),
        AGE,
    ),
    fields={"type": lambda secret: secret.get("type") or ""},
)
