"""What names, labels, ports and keys may look like, with the API's own wording for what is wrong.

Each function takes a text and returns a list of messages, empty when the text is valid.
Source: the API documentation "Object Names and IDs" and "Labels and Selectors", RFC 1123, RFC 1035, RFC 6335.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

LABEL_MAX = 63
SUBDOMAIN_MAX = 253
PORT_NAME_MAX = 15

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_LABEL_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_QUALIFIED = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_ALNUM_ENDS = "and must start and end with an alphanumeric character"

Rule = Callable[[str], list[str]]


def too_long(limit: int) -> str:
    """The message for a text of more than ``limit`` characters."""
    return f"must be no more than {limit} characters"


def _wrong(message: str, pattern: str, *examples: str) -> str:
    shown = " or ".join(f"'{example}', " for example in examples)
    return f"{message} (e.g. {shown}regex used for validation is '{pattern}')"


_LABEL_WRONG = _wrong(
    f"a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', {_ALNUM_ENDS}",
    _LABEL,
    "my-name",
    "123-abc",
)
_SUBDOMAIN_WRONG = _wrong(
    f"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', {_ALNUM_ENDS}",
    _SUBDOMAIN,
    "example.com",
)
_SEARCH = "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_SEARCH_DOMAIN = rf"{_SEARCH}(\.{_SEARCH})*"
_SEARCH_WRONG = _wrong(
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', "
    f"{_ALNUM_ENDS}",
    _SEARCH_DOMAIN,
    "example.com",
)
_LABEL_1035_WRONG = _wrong(
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character",
    _LABEL_1035,
    "my-name",
    "abc-123",
)
_WILDCARD_WRONG = _wrong(
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of "
    "lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
    rf"\*\.{_SUBDOMAIN}",
    "*.example.com",
)
_QUALIFIED_WRONG = _wrong(
    f"must consist of alphanumeric characters, '-', '_' or '.', {_ALNUM_ENDS}",
    _QUALIFIED,
    "MyName",
    "my.name",
    "123-abc",
)
_LABEL_VALUE_WRONG = _wrong(
    f"a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', {_ALNUM_ENDS}",
    f"({_QUALIFIED})?",
    "MyValue",
    "my_value",
    "12345",
)
_C_IDENTIFIER = "[A-Za-z_][A-Za-z0-9_]*"
_C_IDENTIFIER_WRONG = _wrong(
    "a valid C identifier must start with alphabetic character or '_', "
    "followed by a string of alphanumeric characters or '_'",
    _C_IDENTIFIER,
    "my_name",
    "MY_NAME",
    "MyName",
)
_CONFIG_KEY = "[-._a-zA-Z0-9]+"
_CONFIG_KEY_WRONG = _wrong(
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
    _CONFIG_KEY,
    "key.name",
    "KEY_NAME",
    "key-name",
)
_HEADER = "[-A-Za-z0-9]+"
_HEADER_WRONG = _wrong("a valid HTTP header must consist of alphanumeric characters or '-'", _HEADER, "X-Header-Name")
_ENV_WRONG = "a valid environment variable name must consist only of printable ASCII characters other than '='"

_is_label = re.compile(_LABEL, re.ASCII).fullmatch
_is_subdomain = re.compile(_SUBDOMAIN, re.ASCII).fullmatch
_is_search = re.compile(_SEARCH_DOMAIN, re.ASCII).fullmatch
_is_label_1035 = re.compile(_LABEL_1035, re.ASCII).fullmatch
_is_wildcard = re.compile(rf"\*\.{_SUBDOMAIN}", re.ASCII).fullmatch
_is_qualified = re.compile(_QUALIFIED, re.ASCII).fullmatch
_is_c_identifier = re.compile(_C_IDENTIFIER, re.ASCII).fullmatch
_is_config_key = re.compile(_CONFIG_KEY, re.ASCII).fullmatch
_is_header = re.compile(_HEADER, re.ASCII).fullmatch
_is_env_name = re.compile("[ -<>-~]+").fullmatch
_is_port_charset = re.compile("[-a-z0-9]+").fullmatch
_has_letter = re.compile("[a-z]").search


def label(name: str) -> list[str]:
    """RFC 1123 label: names of namespaces, containers, volumes."""
    found = [too_long(LABEL_MAX)] if len(name) > LABEL_MAX else []
    if not _is_label(name):
        # A long text is not tried as a subdomain: its pattern is for at most 253 characters.
        dotted = len(name) <= SUBDOMAIN_MAX and _is_subdomain(name)
        found.append("must not contain dots" if dotted else _LABEL_WRONG)
    return found


def subdomain(name: str) -> list[str]:
    """RFC 1123 subdomain: the names of most objects."""
    if len(name) > SUBDOMAIN_MAX:
        return [too_long(SUBDOMAIN_MAX)]
    return [] if _is_subdomain(name) else [_SUBDOMAIN_WRONG]


def dns_search(name: str) -> list[str]:
    """A domain to search for names in: a subdomain that may have underscores."""
    if len(name) > SUBDOMAIN_MAX:
        return [too_long(SUBDOMAIN_MAX)]
    return [] if _is_search(name) else [_SEARCH_WRONG]


def label_1035(name: str) -> list[str]:
    """RFC 1035 label: it begins with a letter."""
    found = [too_long(LABEL_MAX)] if len(name) > LABEL_MAX else []
    if not _is_label_1035(name):
        found.append(_LABEL_1035_WRONG)
    return found


def wildcard_subdomain(name: str) -> list[str]:
    """``*.example.com``, as a host of an Ingress."""
    if len(name) > SUBDOMAIN_MAX:
        return [too_long(SUBDOMAIN_MAX)]
    return [] if _is_wildcard(name) else [_WILDCARD_WRONG]


def path_segment(name: str) -> list[str]:
    """One segment of a URL path: the names of RBAC objects."""
    if name in (".", ".."):
        return [f"may not be '{name}'"]
    return [f"may not contain '{mark}'" for mark in "/%" if mark in name]


def qualified_name(key: str) -> list[str]:
    """A label or annotation key: ``name`` or ``prefix/name``."""
    return list(_qualified_name(key)) if len(key) <= 2 * SUBDOMAIN_MAX else list(_qualified_name.__wrapped__(key))


@lru_cache(maxsize=4096)
def _qualified_name(key: str) -> tuple[str, ...]:
    prefix, slash, name = key.rpartition("/")
    if "/" in prefix:
        return (
            f"a qualified name {_QUALIFIED_WRONG} with an optional DNS subdomain prefix and '/' "
            "(e.g. 'example.com/MyName')",
        )
    found: list[str] = []
    if slash:
        wrong = subdomain(prefix) if prefix else ["must be non-empty"]
        found += [f"prefix part {message}" for message in wrong]
    if not name:
        found.append("name part must be non-empty")
    elif len(name) > LABEL_MAX:
        found.append(f"name part {too_long(LABEL_MAX)}")
    if not _is_qualified(name):
        found.append(f"name part {_QUALIFIED_WRONG}")
    return tuple(found)


def label_value(value: str) -> list[str]:
    """The value of a label; may be empty."""
    found = [too_long(LABEL_MAX)] if len(value) > LABEL_MAX else []
    if value and not _is_qualified(value):
        found.append(_LABEL_VALUE_WRONG)
    return found


def c_identifier(name: str) -> list[str]:
    return [] if _is_c_identifier(name) else [_C_IDENTIFIER_WRONG]


def env_name(name: str) -> list[str]:
    """The name of an environment variable: printable ASCII without ``=`` (KEP-4369)."""
    if not name:
        return ["environment variable name must be non-empty"]
    return [] if _is_env_name(name) else [_ENV_WRONG]


def config_key(key: str) -> list[str]:
    """A key of a ConfigMap or Secret: it may become a file name."""
    found = [too_long(SUBDOMAIN_MAX)] if len(key) > SUBDOMAIN_MAX else []
    if not _is_config_key(key):
        found.append(_CONFIG_KEY_WRONG)
    if key in (".", ".."):
        found.append(f"must not be '{key}'")
    elif key.startswith(".."):
        found.append("must not start with '..'")
    return found


def http_header(name: str) -> list[str]:
    return [] if _is_header(name) else [_HEADER_WRONG]


def port_name(name: str) -> list[str]:
    """IANA service name (RFC 6335): the names of container ports."""
    found = [too_long(PORT_NAME_MAX)] if len(name) > PORT_NAME_MAX else []
    if not _is_port_charset(name):
        found.append("must contain only alphanumeric characters (a-z, 0-9), and hyphens (-)")
    if not _has_letter(name):
        found.append("must contain at least one letter (a-z)")
    if "--" in name:
        found.append("must not contain consecutive hyphens")
    if name.startswith("-") or name.endswith("-"):
        found.append("must not begin or end with a hyphen")
    return found


def port_number(port: int) -> list[str]:
    return [] if 1 <= port <= 65535 else ["must be between 1 and 65535, inclusive"]


#: The rule of ``Kind.name_rule``.
RULES: dict[str, Rule] = {
    "subdomain": subdomain,
    "label": label,
    "label1035": label_1035,
    "path": path_segment,
}


def object_name(rule: str, name: str, prefix: bool = False) -> list[str]:
    """Is ``name`` valid under a rule of ``RULES``? ``prefix``: it is a generateName, which may end with a dash."""
    if prefix and rule != "path" and len(name) > 1 and name.endswith("-"):
        name = name[:-1] + "a"
    return RULES[rule](name)
