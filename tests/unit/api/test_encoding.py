"""Bodies to objects and back: JSON, YAML, the stored form, and what is refused."""

from __future__ import annotations

import copy
import json
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podo.api import encoding
from podo.api.errors import ApiError

YAML = "application/yaml"
POD = {"kind": "Pod", "metadata": {"name": "a", "resourceVersion": "9"}, "spec": {"x": [1, "é"]}, "apiVersion": "v1"}


def yaml(text: str) -> Any:
    return encoding.decode_value(text.encode(), YAML)[0]


def test_the_stored_form_begins_with_type_and_metadata_and_has_no_revision() -> None:
    before = copy.deepcopy(POD)
    assert (
        encoding.encode(POD) == '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"},"spec":{"x":[1,"é"]}}'.encode()
    )
    assert before == POD


def test_stamp_puts_the_revision_in() -> None:
    stamped = encoding.stamp(encoding.encode(POD), 42)
    assert encoding.load(stamped) == {**POD, "metadata": {"name": "a", "resourceVersion": "42"}}
    assert encoding.load(encoding.stamp(encoding.encode({"kind": "X"}), 1))["metadata"] == {"resourceVersion": "1"}


NAMES = st.text(max_size=8) | st.sampled_from(['"metadata":{', '\\"metadata":{', "metadata"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
)


@settings(max_examples=40)
@given(st.dictionaries(NAMES, VALUES), st.dictionaries(NAMES, VALUES), NAMES, st.integers(1, 2**63))
def test_stamping_never_changes_anything_else(metadata: Any, rest: Any, kind: str, revision: int) -> None:
    obj = {**rest, "apiVersion": "v1", "kind": kind, "metadata": {**metadata, "resourceVersion": "1"}}
    expected = copy.deepcopy(obj)
    expected["metadata"]["resourceVersion"] = str(revision)
    assert encoding.load(encoding.stamp(encoding.encode(obj), revision)) == expected


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b"", b"  ", b"null", b"5", b'"x"', b"\xff", b'{"a":NaN}', b'{"a":1}{}', b'{"a":"\\ud800"}']
)
def test_malformed_json_is_a_bad_request(body: bytes) -> None:
    with pytest.raises(ApiError) as caught:
        encoding.decode(body)
    assert caught.value.code == 400


def test_depth_and_size_are_limited() -> None:
    deep = b'{"a":' * 250 + b"1" + b"}" * 250
    for body, media in ((deep, encoding.JSON), (b"[" * 5000, YAML), (b"- " * 5000, YAML), (b"{a: " * 5000, YAML)):
        with pytest.raises(ApiError, match="max depth"):
            encoding.decode(body, media)
    wide = b'{"a":[' + b",".join([b"[[]]"] * 1000) + b"]}"
    assert len(encoding.decode(wide).obj["a"]) == 1000
    with pytest.raises(ApiError) as caught:
        encoding.decode(b" " * (encoding.MAX_BODY + 1))
    assert caught.value.code == 413


def test_an_unknown_media_type_is_refused() -> None:
    with pytest.raises(ApiError) as caught:
        encoding.decode(b"{}", "text/html")
    assert caught.value.code == 415
    assert encoding.decode(b"{}", "application/json; charset=utf-8").obj == {}
    assert encoding.decode(b"{}", "").obj == {}


def test_duplicate_fields_are_found_when_asked_for() -> None:
    body = b'{"a": 1, "b": {"c": 1, "c": 2}, "a": 3, "l": [{}, {"x": 1, "x": 1, "x": 2}]}'
    expected = ['duplicate field "a"', 'duplicate field "b.c"', 'duplicate field "l[1].x"']
    assert encoding.decode(body, want_duplicates=True).duplicates == expected
    assert encoding.decode(body).duplicates == []
    assert encoding.decode(b'{"a":1e5,"b":' + b"1" * 300 + b"}", want_duplicates=True).duplicates == []


@settings(max_examples=40)
@given(st.dictionaries(NAMES, VALUES))
def test_no_duplicates_in_what_has_none(obj: dict[str, Any]) -> None:
    for body in (orjson.dumps(obj), json.dumps(obj, indent=1).encode()):
        assert encoding.decode(body, want_duplicates=True) == encoding.Decoded(obj, [])


SCALARS = {
    "yes": True,
    "y": True,
    "On": True,
    "off": False,
    "N": False,
    "true": True,
    "~": None,
    "": None,
    "null": None,
    "0644": 420,
    "0o17": 15,
    "0x1F": 31,
    "0b11": 3,
    "1_000": 1000,
    "1e3": 1000,
    "1.5": 1.5,
    ".5": 0.5,
    "-7": -7,
    "09": 9,
    "1:30": "1:30",
    "1.2.3": "1.2.3",
    "2025-01-01": "2025-01-01",
    "2025-01-01T00:00:00Z": "2025-01-01T00:00:00Z",
    "100m": "100m",
    "-": "-",
    "yEs": "yEs",
    '"yes"': "yes",
    "'1'": "1",
    "!!str 5": "5",
    "!!int '5'": 5,
    "1" * 500: "1" * 500,
}


@pytest.mark.parametrize(("text", "expected"), SCALARS.items())
def test_yaml_scalars(text: str, expected: Any) -> None:
    if text == "-":
        text = "'-'"
    found = yaml(f"a: {text}")["a"]
    assert found == expected
    assert type(found) is type(expected)


def test_yaml_aliases_are_copies_and_merge_keys_merge() -> None:
    found = yaml("base: &b {x: {k: 1}, z: 2}\none: *b\ntwo: {<<: *b, z: 3}\n")
    assert found["one"] == found["base"]
    assert found["one"]["x"] is not found["base"]["x"]
    assert found["two"] == {"x": {"k": 1}, "z": 3}


def test_yaml_keys_are_texts() -> None:
    assert yaml("1: a\ntrue: b\n1.5: c\n") == {"1": "a", "true": "b", "1.5": "c"}


def test_yaml_duplicates_name_their_line() -> None:
    decoded = encoding.decode(b"a: 1\nb: 2\na: 3\n", YAML, want_duplicates=True)
    assert decoded == encoding.Decoded({"a": 3, "b": 2}, ['line 3: key "a" already set in map'])


BOMB = "a: &a [1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{','.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(9)
)
LADDER = "a0: &a0 [1]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 2000))


@pytest.mark.parametrize(
    "text",
    [
        BOMB,
        LADDER,
        "a: &a [*a]",
        "a: [",
        "a: *x",
        "a: .inf",
        "? {b: 1}\n: c",
        "? [b]\n: c",
        "\t",
        "a: !x 1",
        "a: b: c",
        '"\\ud800": 1',
    ],
)
def test_hostile_or_malformed_yaml_is_a_bad_request(text: str) -> None:
    with pytest.raises(ApiError) as caught:
        encoding.decode(text.encode(), YAML)
    assert caught.value.code == 400
    assert "\n" not in caught.value.message


@given(st.text(alphabet="ab:-[]{}&*!|>'\"\n #?,<1", max_size=40))
def test_any_yaml_is_decoded_or_refused(text: str) -> None:
    try:
        orjson.dumps(yaml(text))
    except ApiError as problem:
        assert problem.code == 400


@settings(max_examples=40)
@given(st.dictionaries(st.text(st.characters(categories=["L", "N"]), min_size=1), VALUES))
def test_json_read_as_yaml_is_the_same(obj: dict[str, Any]) -> None:
    text = json.dumps(obj, ensure_ascii=False)
    if "<<" not in text and text.isprintable():  # YAML has no control characters
        assert yaml(text) == obj


def test_manifests_hold_many_documents() -> None:
    text = b"# only a comment\n---\na: 1\n---\n---\nb: 2\n"
    assert encoding.decode_documents(text) == [{"a": 1}, {"b": 2}]
    assert encoding.decode(b"a: 1\n---\nb: 2\n", YAML).obj == {"a": 1}
    assert encoding.decode_documents(b' {"a": "\\ud83d\\ude00"}') == [{"a": "\U0001f600"}]
    with pytest.raises(ApiError, match="array"):
        encoding.decode_documents(b"- 1\n")
