"""Named formats: ``format.dns1123Label().validate("Web")`` gives what is wrong with a text, none if nothing is."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from podo.cel.library import times, urls
from podo.cel.library.function import Function, function, method, tenth
from podo.cel.values import NONE, CelError, Opaque, Optional
from podo.values import names

_TYPE = "kubernetes.NamedFormat"
_MAX_TEXT = 1 << 20
_uuid = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}", re.ASCII | re.I).fullmatch


@dataclass(frozen=True, slots=True)
class Format(Opaque):
    name: str

    cel_type = _TYPE


def _uri(text: str) -> list[str]:
    try:
        urls.parse(text)
    except CelError as wrong:
        return [str(wrong)]
    return []


def _byte(text: str) -> list[str]:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return ["invalid base64"]
    return []


def _date(text: str) -> list[str]:
    try:
        date.fromisoformat(text if len(text) == 10 else "")
    except ValueError:
        return ["invalid date"]
    return []


def _datetime(text: str) -> list[str]:
    try:
        times.parse_timestamp(text)
    except CelError:
        return ["invalid datetime"]
    return []


def _prefix(rule: Callable[[str], list[str]]) -> Callable[[str], list[str]]:
    """A name's beginning, to which more is added: it may end in a dash."""
    return lambda text: rule(f"{text[:-1]}a" if text.endswith("-") else text)


_FORMATS: dict[str, Callable[[str], list[str]]] = {
    "dns1123Label": names.label,
    "dns1123Subdomain": names.subdomain,
    "dns1035Label": names.label_1035,
    "dns1123LabelPrefix": _prefix(names.label),
    "dns1123SubdomainPrefix": _prefix(names.subdomain),
    "dns1035LabelPrefix": _prefix(names.label_1035),
    "qualifiedName": names.qualified_name,
    "labelValue": names.label_value,
    "uri": _uri,
    "uuid": lambda text: [] if _uuid(text) else ["does not match the UUID format"],
    "byte": _byte,
    "date": _date,
    "datetime": _datetime,
}


def _named(name: str) -> Optional:
    return Optional(True, Format(name)) if name in _FORMATS else NONE


def _validate(found: Format, text: str) -> Optional:
    wrong = list(_FORMATS[found.name](text)) if len(text) <= _MAX_TEXT else ["too long"]
    return Optional(True, wrong) if wrong else NONE


def _cost(found: Format, text: str) -> int:
    return 10 * tenth(text)


def _constructor(name: str) -> Callable[[], Format]:
    return lambda: Format(name)


FUNCTIONS: tuple[Function, ...] = (
    function("format.named", "string", f"optional_type<{_TYPE}>", _named),
    *(function(f"format.{name}", "", _TYPE, _constructor(name)) for name in _FORMATS),
    method("validate", f"{_TYPE}; string", "optional_type<list<string>>", _validate, cost=_cost),
)
