"""The formats of texts that a schema may ask for; other formats are not checked.

Source: "Validation" of the documentation of CustomResourceDefinitions lists them.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable
from datetime import date
from urllib.parse import urlsplit

from podo.values import names

_UUID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?([0-9a-f])[0-9a-f]{3}-?[0-9a-f]{4}-?[0-9a-f]{12}", re.IGNORECASE)
_HOSTNAME = re.compile(r"[a-zA-Z0-9]([-a-zA-Z0-9]{0,62})?(\.[a-zA-Z0-9]([-a-zA-Z0-9]{0,62})?)*\.?")
_EMAIL = re.compile(r"[^@\s<>(),;:\"\[\]\\]{1,64}@[a-zA-Z0-9]([-a-zA-Z0-9.]{0,253}[a-zA-Z0-9])?")
_DATETIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ]([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d{1,9})?([Zz]|[+-]([01]\d|2[0-3]):?[0-5]\d)"
)
_DURATION = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)((\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h))*|0")
_SPOKEN_DURATION = re.compile(
    r"(\d+)\s*(nanoseconds?|nanos?|ns|microseconds?|micros?|us|milliseconds?|millis?|ms|seconds?|secs?|s|minutes?"
    r"|mins?|m|hours?|hrs?|hr|h|days?|d|weeks?|wks?|w)"
)
_MAC = re.compile(
    r"[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5}(([:-][0-9a-fA-F]{2}){2})?|[0-9a-fA-F]{4}(\.[0-9a-fA-F]{4}){2,3}"
)
_HEXCOLOR = re.compile(r"#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})")
_RGB = re.compile(r"rgb\(\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*\)")
_CREDITCARD = re.compile(
    r"(?:4\d{12}(?:\d{3})?|5[1-5]\d{14}|6(?:011|5\d\d)\d{12}|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}|(?:2131|1800|35\d{3})\d{11})"
)
#: No format has longer values than this that are worth looking at.
_LONGEST = 1 << 16


def _full(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda text: pattern.fullmatch(text) is not None


def _uuid(version: str) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        found = _UUID.fullmatch(text)
        return found is not None and (not version or found[1] == version)

    return check


def _uri(text: str) -> bool:
    """What an HTTP request line may have: absolute, or a path."""
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    return not re.search(r"[\s\x00-\x1f\x7f]", text) and (bool(parts.scheme) or text.startswith("/"))


def _address(version: int) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        try:
            return ipaddress.ip_address(text).version == version
        except ValueError:
            return False

    return check


def _cidr(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return "/" in text


def _byte(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def _date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return len(text) == 10


def _datetime(text: str) -> bool:
    found = _DATETIME.fullmatch(text)
    return found is not None and _date(found[1])


def _duration(text: str) -> bool:
    return bool(_DURATION.fullmatch(text) or _SPOKEN_DURATION.fullmatch(text.strip().lower()))


def _isbn(length: int) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        digits = re.sub(r"[\s-]", "", text)
        if len(digits) != length or not re.fullmatch(r"\d+X?" if length == 10 else r"\d+", digits):
            return False
        values = [10 if one == "X" else int(one) for one in digits]
        if length == 10:
            return sum((index + 1) * value for index, value in enumerate(values)) % 11 == 0
        return sum(value * (3 if index % 2 else 1) for index, value in enumerate(values)) % 10 == 0

    return check


def _rgb(text: str) -> bool:
    found = _RGB.fullmatch(text)
    return found is not None and all(int(part) <= 255 for part in found.groups())


def _creditcard(text: str) -> bool:
    digits = re.sub(r"[^0-9]+", "", text)
    if not _CREDITCARD.fullmatch(digits):
        return False
    doubled = [int(one) * (2 if index % 2 else 1) for index, one in enumerate(reversed(digits))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


FORMATS: dict[str, Callable[[str], bool]] = {
    "bsonobjectid": _full(re.compile(r"[0-9a-fA-F]{24}")),
    "byte": _byte,
    "cidr": _cidr,
    "creditcard": _creditcard,
    "date": _date,
    "datetime": _datetime,
    "duration": _duration,
    "email": _full(_EMAIL),
    "hexcolor": _full(_HEXCOLOR),
    "hostname": lambda text: len(text) <= 255 and _HOSTNAME.fullmatch(text) is not None,
    "ipv4": _address(4),
    "ipv6": _address(6),
    "isbn": lambda text: _isbn(10)(text) or _isbn(13)(text),
    "isbn10": _isbn(10),
    "isbn13": _isbn(13),
    "k8slongname": lambda text: not list(names.subdomain(text)),
    "k8sshortname": lambda text: not list(names.label(text)),
    "mac": _full(_MAC),
    "password": lambda text: True,
    "rgbcolor": _rgb,
    "ssn": _full(re.compile(r"\d{3}[- ]?\d{2}[- ]?\d{4}")),
    "uri": _uri,
    "uuid": _uuid(""),
    "uuid3": _uuid("3"),
    "uuid4": _uuid("4"),
    "uuid5": _uuid("5"),
}


def checker(format: str) -> Callable[[str], bool] | None:
    """Says whether a text has the format, in whose name hyphens do not count; None for one that is not checked."""
    check = FORMATS.get(format.replace("-", ""))
    return None if check is None else lambda text: len(text) <= _LONGEST and check(text)
