"""Resource quantities: ``quantity("1.5Gi")``, compared, added and converted exactly."""

from __future__ import annotations

from dataclasses import dataclass

from podo.cel.library.function import Function, function, method, tenth
from podo.cel.values import INT_MAX, INT_MIN, CelError, Opaque
from podo.values import quantity
from podo.values.quantity import NANO, Quantity

_TYPE = "kubernetes.Quantity"


@dataclass(frozen=True, slots=True)
class QuantityValue(Opaque):
    amount: Quantity

    cel_type = _TYPE


def _parse(text: str) -> QuantityValue:
    try:
        return QuantityValue(quantity.parse(text))
    except quantity.QuantityError as wrong:
        raise CelError(str(wrong)) from None


def _is_integer(found: QuantityValue) -> bool:
    return found.amount.nano % NANO == 0 and INT_MIN <= found.amount.nano // NANO <= INT_MAX


def _as_integer(found: QuantityValue) -> int:
    if not _is_integer(found):
        raise CelError("cannot convert value to integer")
    return found.amount.nano // NANO


def _sign(value: int) -> int:
    return (value > 0) - (value < 0)


def _compare(one: QuantityValue, two: QuantityValue) -> int:
    return _sign(one.amount.nano - two.amount.nano)


def _whole(units: int) -> QuantityValue:
    return QuantityValue(Quantity(units * NANO))


def _add(one: QuantityValue, two: QuantityValue) -> QuantityValue:
    return QuantityValue(one.amount + two.amount)


def _sub(one: QuantityValue, two: QuantityValue) -> QuantityValue:
    return QuantityValue(one.amount - two.amount)


FUNCTIONS: tuple[Function, ...] = (
    function("quantity", "string", _TYPE, _parse, cost=tenth),
    function("isQuantity", "string", "bool", quantity.is_valid, cost=tenth),
    method("isInteger", _TYPE, "bool", _is_integer),
    method("asInteger", _TYPE, "int", _as_integer),
    method("asApproximateFloat", _TYPE, "double", lambda found: found.amount.nano / NANO),
    method("sign", _TYPE, "int", lambda found: _sign(found.amount.nano)),
    method("add", f"{_TYPE}; {_TYPE}", _TYPE, _add),
    method("add", f"{_TYPE}; int", _TYPE, lambda one, units: _add(one, _whole(units))),
    method("sub", f"{_TYPE}; {_TYPE}", _TYPE, _sub),
    method("sub", f"{_TYPE}; int", _TYPE, lambda one, units: _sub(one, _whole(units))),
    method("isLessThan", f"{_TYPE}; {_TYPE}", "bool", lambda one, two: _compare(one, two) < 0),
    method("isGreaterThan", f"{_TYPE}; {_TYPE}", "bool", lambda one, two: _compare(one, two) > 0),
    method("compareTo", f"{_TYPE}; {_TYPE}", "int", _compare),
)
