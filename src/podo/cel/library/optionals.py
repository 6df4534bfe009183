"""Optional values: ``optional.of``, ``optional.none``, ``hasValue``, ``value`` (``or`` and ``orValue`` are operators:
they evaluate their argument only where it is needed)."""

from __future__ import annotations

from typing import Any

from podo.cel.library.function import Function, function, length, method
from podo.cel.values import NONE, CelError, Duration, Optional, Timestamp, Uint

_ZEROES = {Timestamp: Timestamp(0), Duration: Duration(0), Uint: Uint(0)}


def _of_nonzero(value: Any) -> Optional:
    zero = _ZEROES.get(type(value))
    empty = (
        value == zero if zero is not None else isinstance(value, str | bytes | list | dict | int | float) and not value
    )
    return NONE if empty or value is None else Optional(True, value)


def _value(found: Optional) -> Any:
    if not found.present:
        raise CelError("optional.none() dereference")
    return found.value


def _unwrap(found: list[Any]) -> list[Any]:
    return [one.value for one in found if type(one) is Optional and one.present]


KNOWN: tuple[Function, ...] = (
    function("optional.of", "dyn", "optional_type<dyn>", lambda value: Optional(True, value)),
    function("optional.ofNonZeroValue", "dyn", "optional_type<dyn>", _of_nonzero),
    function("optional.none", "", "optional_type<dyn>", lambda: NONE),
    method("hasValue", "optional_type<dyn>", "bool", lambda found: found.present),
    method("value", "optional_type<dyn>", "dyn", _value),
)
DECLARED: tuple[Function, ...] = (
    function("optional.unwrap", "list<optional_type<dyn>>", "list<dyn>", _unwrap, cost=length),
    method("unwrapOpt", "list<optional_type<dyn>>", "list<dyn>", _unwrap, cost=length),
)
