"""What a write leaves as it is goes by its bytes: what is put together of old and new is what encoding would give."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from podo.api.encoding import encode, stamp
from podo.apiserver import untouched

OLD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "a", "annotations": {"note": '},"spec":{"a":1},"status":{}}'}},
    "spec": {"a": 1, "b": [True, 0]},
    "status": {},
}
VALUE = stamp(encode(OLD), 7)


def _new(**parts: Any) -> dict[str, Any]:
    metadata = {"resourceVersion": "7", "name": "a", "labels": {"x": "y"}}
    return orjson.loads(orjson.dumps({**OLD, "metadata": metadata, **parts}))


def test_a_change_of_metadata_takes_the_rest_over_and_encodes_it_as_it_was() -> None:
    old, new = orjson.loads(VALUE), _new()
    rest = untouched.take_over(new, old, VALUE)
    assert new["spec"] is old["spec"]
    assert untouched.dump(new, old, rest) == encode(new)
    new["status"] = {"phase": "Running"}
    assert untouched.dump(new, old, rest) is None


@pytest.mark.parametrize(
    "parts",
    [
        {"spec": {"a": 1.0, "b": [True, 0]}},
        {"spec": {"a": True, "b": [1, 0]}},
        {"spec": {"b": [True, 0], "a": 1}},
        {"status": {"phase": "Running"}},
        {"more": 1},
        {"spec": {"a": 1 << 70}},
    ],
)
def test_another_type_order_or_member_is_a_change(parts: dict[str, Any]) -> None:
    new = {**_new(), **parts}
    assert untouched.take_over(new, orjson.loads(VALUE), VALUE) == b""


def test_a_member_left_out_is_a_change() -> None:
    new = _new()
    del new["spec"]
    assert untouched.take_over(new, orjson.loads(VALUE), VALUE) == b""
