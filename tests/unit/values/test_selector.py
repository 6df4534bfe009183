"""Label and field selectors: what they match and how they refuse."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podo.values import selector
from podo.values.fieldselector import parse as parse_fields
from podo.values.selector import SelectorError, from_label_selector, from_map, parse

WEB = {"app": "web", "tier": "front", "size": "7", "empty": ""}

MATCHING = [
    "",
    " ",
    "app=web",
    "app==web",
    "app = web , tier=front",
    "app!=db",
    "missing!=x",
    "app in (web,db)",
    "app in ( web )",
    "app notin (db)",
    "missing notin (a)",
    "app",
    "!missing",
    "! missing",
    "empty=",
    "empty",
    "empty in (,x)",
    "size>6",
    "size<8",
    "app in (web),!missing,tier!=back",
]
NOT_MATCHING = [
    "app=db",
    "app!=web",
    "missing",
    "!app",
    "missing=",
    "missing in (a)",
    "app notin (web,db)",
    "size>7",
    "size<7",
    "app>1",
    "missing>1",
    "app=web,tier=back",
]
MALFORMED = [
    "a,",
    ",a",
    "a,,b",
    "=b",
    "a=b=c",
    "a in",
    "a in (",
    "a in (b",
    "a in b",
    "a in (b c)",
    "(a)",
    "a!b",
    "!",
    "!a=b",
    "a>x",
    "a>",
    "-=b",
    "a=-",
    "a=" + "b" * 64,
    "a" * 64,
    "a b",
    "x" * 70_000,
]


@pytest.mark.parametrize("text", MATCHING)
def test_matches(text: str) -> None:
    assert parse(text).matches(WEB)


@pytest.mark.parametrize("text", NOT_MATCHING)
def test_does_not_match(text: str) -> None:
    assert not parse(text).matches(WEB)


@pytest.mark.parametrize("text", MALFORMED)
def test_malformed_text_is_refused(text: str) -> None:
    with pytest.raises(SelectorError):
        parse(text)


def test_messages() -> None:
    with pytest.raises(SelectorError, match="found '=', expected: ',' or 'end of string'"):
        parse("a=b=c")
    with pytest.raises(SelectorError, match="unable to parse requirement: found '=', expected: identifier"):
        parse("=b")
    with pytest.raises(SelectorError, match="must be no more than 63 characters"):
        parse("a=" + "b" * 64)


def test_label_selectors() -> None:
    chosen = from_label_selector(
        {
            "matchLabels": {"app": "web"},
            "matchExpressions": [
                {"key": "tier", "operator": "In", "values": ["front", "back"]},
                {"key": "old", "operator": "DoesNotExist"},
                {"key": "size", "operator": "Exists"},
                {"key": "app", "operator": "NotIn", "values": ["db"]},
            ],
        }
    )
    assert chosen.matches(WEB)
    assert not chosen.matches({**WEB, "old": ""})
    assert not chosen.matches({**WEB, "tier": "x"})
    assert str(chosen) == "app=web,app notin (db),!old,size,tier in (back,front)"


def test_no_selector_matches_nothing_and_an_empty_one_everything() -> None:
    assert not from_label_selector(None).matches(WEB)
    assert from_label_selector({}).matches(None)
    assert from_label_selector({}).everything
    assert not from_label_selector(None).everything
    assert from_map(None).matches(WEB)
    assert from_map({"app": "web"}).matches(WEB)
    assert not from_map({"app": "web", "x": "y"}).matches(WEB)


@pytest.mark.parametrize(
    "expression",
    [
        {"key": "a", "operator": "Gt", "values": ["1"]},
        {"key": "a", "operator": "In"},
        {"key": "a", "operator": "Exists", "values": ["1"]},
        {"key": "", "operator": "Exists"},
        {"key": "a"},
    ],
)
def test_wrong_expressions_are_refused(expression: dict[str, object]) -> None:
    with pytest.raises(SelectorError):
        from_label_selector({"matchExpressions": [expression]})


def test_field_selectors() -> None:
    name, node, odd = parse_fields(r"metadata.name=x,spec.nodeName!=y,a==b\,c\=\\d")
    assert (name.field, name.value, name.equal) == ("metadata.name", "x", True)
    assert node.matches("z") and not node.matches("y")
    assert odd.value == r"b,c=\d"
    assert parse_fields(str(odd)) == (odd,)
    assert parse_fields("") == ()


@pytest.mark.parametrize("text", ["a", "a=b=c", "!a", r"a=\x", "a=b\\", "x" * 70_000])
def test_malformed_field_selectors_are_refused(text: str) -> None:
    with pytest.raises(SelectorError):
        parse_fields(text)


KEYS = st.sampled_from(["a", "b", "example.com/c"])
VALUES = st.sampled_from(["", "x", "y"])
REQUIREMENTS = st.one_of(
    st.builds("{}{}{}".format, KEYS, st.sampled_from(["=", "==", "!="]), VALUES),
    st.builds("{} {} ({})".format, KEYS, st.sampled_from(["in", "notin"]), st.lists(VALUES, min_size=1).map(",".join)),
    st.builds("{}{}".format, st.sampled_from(["", "!"]), KEYS),
)


@given(st.lists(REQUIREMENTS, max_size=4).map(",".join), st.dictionaries(KEYS, VALUES))
def test_a_selector_means_the_same_read_back_from_its_text(text: str, labels: dict[str, str]) -> None:
    assert parse(str(parse(text))).matches(labels) is parse(text).matches(labels)


@given(st.text(alphabet="ab=!,()<> in\\", max_size=30))
def test_any_text_parses_or_is_refused(text: str) -> None:
    for read in (parse, parse_fields):
        try:
            read(text)
        except SelectorError:
            continue
    assert selector.EVERYTHING.matches(None)
