"""How rules are written: the wording of each problem, and the checks that rules of many kinds share.

Texts are upstream's (apimachinery ``field.Error``). A check appends what it finds to a list,
so that a sound object costs no more than the looking.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable
from typing import Any

from podo.api.kind import Problem
from podo.values import quantity

Found = list[Problem]


def required(path: str, detail: str = "") -> Problem:
    return Problem(path, "FieldValueRequired", f"Required value: {detail}" if detail else "Required value")


def forbidden(path: str, detail: str) -> Problem:
    return Problem(path, "FieldValueForbidden", f"Forbidden: {detail}")


def invalid(path: str, value: Any, detail: str) -> Problem:
    return Problem(path, "FieldValueInvalid", f"Invalid value: {_shown(value)}: {detail}")


def wrong(path: str, detail: str) -> Problem:
    """An invalid value that is not shown, or not as JSON: ``detail`` says all."""
    return Problem(path, "FieldValueInvalid", f"Invalid value: {detail}")


def not_supported(path: str, value: Any, supported: Iterable[str]) -> Problem:
    listed = ", ".join(f'"{one}"' for one in supported)
    return Problem(path, "FieldValueNotSupported", f"Unsupported value: {_shown(value)}: supported values: {listed}")


def duplicate(path: str, value: Any) -> Problem:
    return Problem(path, "FieldValueDuplicate", f"Duplicate value: {_shown(value)}")


def not_found(path: str, value: Any, detail: str = "") -> Problem:
    return Problem(path, "FieldValueNotFound", f"Not found: {_shown(value)}{detail and ': '}{detail}")


def too_long(path: str, limit: int) -> Problem:
    return Problem(path, "FieldValueTooLong", f"Too long: may not be more than {limit} bytes")


def too_many(path: str, count: int, limit: int) -> Problem:
    return Problem(path, "FieldValueTooMany", f"Too many: {count}: must have at most {limit} items")


def _shown(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


IMMUTABLE = "field is immutable"


def check_immutable(path: str, new: Any, old: Any, found: Found) -> None:
    """A field that must keep its value."""
    if new != old:
        found.append(invalid(path, new, IMMUTABLE))


#: A validator of ``podo.values.names``: what is wrong with a text (or number), in upstream's words.
Validator = Callable[[Any], Iterable[str]]
#: Values that were found good, with the validator that said so: most texts were seen before.
_good: set[tuple[Validator, Any]] = set()
_GOOD_MAX = 16384
_GOOD_TEXT_MAX = 256  # longer values are rare, and would fill the set with what a client sent


def check_text(path: str, value: Any, validator: Validator, found: Found) -> None:
    """A text that a validator judges; each of its messages becomes a problem."""
    known = (validator, value)
    if known in _good:
        return
    before = len(found)
    found.extend(invalid(path, value, message) for message in validator(value))
    if len(found) == before and not (isinstance(value, str) and len(value) > _GOOD_TEXT_MAX):
        if len(_good) >= _GOOD_MAX:
            _good.clear()
        _good.add(known)


def not_known(pairs: Iterable[tuple[Any, Any]], first: Validator, second: Validator) -> list[tuple[Any, Any]]:
    """The pairs of which not both parts were found good before."""
    return [pair for pair in pairs if (first, pair[0]) not in _good or (second, pair[1]) not in _good]


def check_one_of(path: str, value: Any, supported: Collection[str], found: Found) -> None:
    """A value of a closed set. Absent counts as required, as upstream."""
    if value in supported:
        return
    found.append(not_supported(path, value, supported) if value else required(path))


def check_choice(path: str, value: Any, supported: Collection[str], found: Found) -> None:
    """A value of a closed set; may be absent."""
    if value is not None and value not in supported:
        found.append(not_supported(path, value, supported))


def check_unique(path: str, value: Any, seen: set[Any], found: Found) -> None:
    """Is ``value`` the first of its kind? ``seen``: those before it, to which it is added."""
    if value in seen:
        found.append(duplicate(path, value))
    seen.add(value)


def check_not_negative(path: str, value: Any, found: Found) -> None:
    if value is not None and value < 0:
        found.append(invalid(path, value, "must be greater than or equal to 0"))


def check_positive(path: str, value: Any, found: Found) -> None:
    if value is not None and value <= 0:
        found.append(invalid(path, value, "must be greater than 0"))


def checked_quantity(path: str, amount: Any, found: Found) -> quantity.Quantity | None:
    """What a text says, for rules to go on with; None where it is no quantity, which is told."""
    try:
        return quantity.parse(str(amount))
    except quantity.QuantityError as problem:
        found.append(invalid(path, amount, str(problem)))
        return None
