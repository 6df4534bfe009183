"""Names, labels, ports and keys: what is valid, and the API's words for what is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podo.values import names

LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
SUBDOMAIN = rf"{LABEL}(\.{LABEL})*"

VALID = [
    (names.label, ["a", "0", "a-b", "a" * 63]),
    (names.subdomain, ["a", "a.b-c.d", "a" * 253]),
    (names.label_1035, ["a", "a-0"]),
    (names.wildcard_subdomain, ["*.example.com"]),
    (names.path_segment, ["system:node", "a b", "..."]),
    (names.qualified_name, ["a", "A_b.c-9", "example.com/A"]),
    (names.label_value, ["", "a", "A_b.c-9", "x" * 63]),
    (names.env_name, ["A", "my.env-name", "1", "a b", "$x"]),
    (names.config_key, ["a", ".hidden", "KEY_NAME", "a..b"]),
    (names.port_name, ["http", "a1", "1a", "a" * 15]),
    (names.c_identifier, ["_a", "A9"]),
    (names.http_header, ["X-Header-Name"]),
]
INVALID = [
    (names.label, ["", "A", "-a", "a-", "a" * 64, "a_b", "a.b", "é", "a\n"]),
    (names.subdomain, ["", "A", ".a", "a.", "a..b", "a" * 254, "a\n"]),
    (names.label_1035, ["", "0a", "a-", "a.b", "a" * 64]),
    (names.wildcard_subdomain, ["example.com", "*", "*.", "a.*.b"]),
    (names.path_segment, [".", "..", "a/b", "a%b"]),
    (names.qualified_name, ["", "/a", "a/", "a/b/c", "A/b", "-a", "a" * 64, "é"]),
    (names.label_value, ["-", "a b", "a" * 64, "a\n"]),
    (names.env_name, ["", "a=b", "é", "a\n"]),
    (names.config_key, ["", ".", "..", "..a", "a/b", "a" * 254]),
    (names.port_name, ["", "1", "a--b", "-a", "a-", "A", "a" * 16, "a_b"]),
    (names.c_identifier, ["", "9a", "a-b"]),
    (names.http_header, ["", "a b", "a:"]),
]


@pytest.mark.parametrize(("rule", "texts"), VALID)
def test_valid_names_have_no_messages(rule: names.Rule, texts: list[str]) -> None:
    assert {text: rule(text) for text in texts} == {text: [] for text in texts}


@pytest.mark.parametrize(("rule", "texts"), INVALID)
def test_invalid_names_have_a_message(rule: names.Rule, texts: list[str]) -> None:
    assert [text for text in texts if not rule(text)] == []


def test_messages_are_upstreams() -> None:
    assert names.subdomain("A") == [
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
        f"and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '{SUBDOMAIN}')"
    ]
    assert names.label("A") == [
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end "
        f"with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '{LABEL}')"
    ]
    assert names.label("a.b") == ["must not contain dots"]
    assert names.subdomain("a" * 254) == ["must be no more than 253 characters"]
    assert names.qualified_name("/a") == ["prefix part must be non-empty"]
    assert names.qualified_name("a/")[0] == "name part must be non-empty"
    assert names.port_name("1") == ["must contain at least one letter (a-z)"]
    assert names.port_number(0) == ["must be between 1 and 65535, inclusive"]


def test_a_generated_names_prefix_may_end_with_a_dash() -> None:
    assert names.object_name("subdomain", "web-", prefix=True) == []
    assert names.object_name("subdomain", "web-") != []
    assert names.object_name("label1035", "0-", prefix=True) != []


@given(st.text(alphabet="ab-._A0/", max_size=20))
def test_every_label_is_a_subdomain_and_a_label_value(text: str) -> None:
    if not names.label(text):
        assert not names.subdomain(text)
        assert not names.label_value(text)


@given(st.text(max_size=600))
def test_any_text_gets_an_answer(text: str) -> None:
    for rule, _ in VALID:
        assert all(isinstance(message, str) for message in rule(text))
