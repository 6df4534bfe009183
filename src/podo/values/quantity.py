"""Resource quantities such as ``100m``, ``1Gi``, ``1e3``, ``0.5``: parsed exactly, compared, added, written.

Source: the API reference, "Quantity". A value is kept as a whole number of billionths, the finest step a quantity has
(finer ones are rounded away from zero), and is capped at 2^63-1 as the API does; so nothing here loses a digit or grows
without bound.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache, total_ordering

#: The API's message for a text that is not a quantity.
MALFORMED = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
BAD_SUFFIX = "unable to parse quantity's suffix"

NANO = 10**9
_MAX = (2**63 - 1) * NANO
_MAX_TEXT = 128
_MAX_EXPONENT = 64

_split = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?([A-Za-z]*)([+-]?[0-9]*)", re.ASCII).fullmatch

_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL_OF = {exponent: suffix for suffix, exponent in _DECIMAL.items()}
_BINARY_LARGEST_FIRST = tuple((1 << bits, suffix) for suffix, bits in reversed(_BINARY.items()))

DECIMAL_SI = "DecimalSI"
BINARY_SI = "BinarySI"
DECIMAL_EXPONENT = "DecimalExponent"


class QuantityError(ValueError):
    """The text is not a quantity; the message is the API's."""


@total_ordering
@dataclass(frozen=True, slots=True, eq=False)
class Quantity:
    """An exact amount: ``nano`` billionths, written in ``format``. Equal amounts are equal, however written."""

    nano: int
    format: str = DECIMAL_SI

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Quantity) and self.nano == other.nano

    def __lt__(self, other: Quantity) -> bool:
        return self.nano < other.nano

    def __hash__(self) -> int:
        return hash(self.nano)

    def __bool__(self) -> bool:
        return self.nano != 0

    def __add__(self, other: Quantity) -> Quantity:
        return Quantity(_capped(self.nano + other.nano), self.format if self.nano or not other.nano else other.format)

    def __sub__(self, other: Quantity) -> Quantity:
        return self + Quantity(-other.nano, other.format)

    def __neg__(self) -> Quantity:
        return Quantity(-self.nano, self.format)

    @property
    def millis(self) -> int:
        """Thousandths, rounded up."""
        return -(-self.nano // 10**6)

    def __int__(self) -> int:
        """Whole units, rounded up, as a scheduler counts bytes."""
        return -(-self.nano // NANO)

    def __str__(self) -> str:
        """The canonical text: no fraction, the largest suffix that loses nothing."""
        if not self.nano:
            return "0"
        if self.format == BINARY_SI and abs(self.nano) >= 1024 * NANO:
            return _binary_text(-(-self.nano // NANO) if self.nano > 0 else self.nano // NANO)
        return _decimal_text(self.nano, self.format == DECIMAL_EXPONENT)


def _capped(nano: int) -> int:
    return max(-_MAX, min(_MAX, nano))


def _binary_text(units: int) -> str:
    for size, suffix in _BINARY_LARGEST_FIRST:
        if units % size == 0:
            return f"{units // size}{suffix}"
    return str(units)


def _decimal_text(nano: int, exponent_form: bool) -> str:
    exponent = -9
    while exponent < 18 and nano % 1000 == 0:
        nano //= 1000
        exponent += 3
    if exponent_form:
        return f"{nano}e{exponent}" if exponent else str(nano)
    return f"{nano}{_DECIMAL_OF[exponent]}"


def parse(text: str) -> Quantity:
    """The quantity a text stands for. Raises QuantityError."""
    if len(text) > _MAX_TEXT:
        raise QuantityError(f"quantities may have at most {_MAX_TEXT} characters")
    return _parse(text)


@lru_cache(maxsize=8192)
def _parse(text: str) -> Quantity:
    match = _split(text)
    if match is None:
        raise QuantityError(MALFORMED)
    sign, whole, fraction, suffix, power = match.groups()
    fraction = fraction or ""
    if not whole and not fraction:
        raise QuantityError(MALFORMED)
    two, ten, form = _scale(suffix, power)
    # digits * 2^two * 10^(ten - len(fraction)), in billionths
    shift = ten - len(fraction) + 9
    amount = int(whole + fraction) << two
    amount = amount * 10**shift if shift >= 0 else -(-amount // 10**-shift)
    return Quantity(_capped(-amount if sign == "-" else amount), form)


def _scale(suffix: str, power: str) -> tuple[int, int, str]:
    """The power of two and of ten a suffix stands for, and the format it chooses."""
    if suffix in ("e", "E") and power:
        exponent = _exponent(power)
        return 0, exponent, DECIMAL_EXPONENT
    if power:
        raise QuantityError(BAD_SUFFIX)
    if suffix in _BINARY:
        return _BINARY[suffix], 0, BINARY_SI
    if suffix in _DECIMAL:
        return 0, _DECIMAL[suffix], DECIMAL_SI
    raise QuantityError(BAD_SUFFIX)


def _exponent(power: str) -> int:
    try:
        exponent = int(power) if len(power) <= 4 else _MAX_EXPONENT + 1
    except ValueError:
        raise QuantityError(BAD_SUFFIX) from None
    if abs(exponent) > _MAX_EXPONENT:
        raise QuantityError(f"a quantity's exponent must be between -{_MAX_EXPONENT} and {_MAX_EXPONENT}")
    return exponent


def is_valid(text: object) -> bool:
    """Is this a text that ``parse`` takes?"""
    if not isinstance(text, str):
        return False
    try:
        parse(text)
    except QuantityError:
        return False
    return True


def canonical(text: str) -> str:
    """``0.5`` as ``500m``, ``1024Mi`` as ``1Gi``. Raises QuantityError."""
    if len(text) > _MAX_TEXT:
        raise QuantityError(f"quantities may have at most {_MAX_TEXT} characters")
    return _canonical(text)


@lru_cache(maxsize=8192)
def _canonical(text: str) -> str:
    return str(_parse(text))


def cpu_millis(text: str) -> int:
    """``0.5`` as 500, rounded up. Raises QuantityError."""
    return parse(text).millis


def as_int(text: str) -> int:
    """``1Ki`` as 1024, ``1500m`` as 2: whole units, rounded up. Raises QuantityError."""
    return int(parse(text))


def total(texts: list[str]) -> str:
    """The canonical sum of quantities; ``0`` of none. Raises QuantityError."""
    amount = Quantity(0)
    for text in texts:
        amount += parse(text)
    return str(amount)
