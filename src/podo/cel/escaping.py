"""Property names in expressions: those that are no identifiers, or are reserved words, are written escaped.

Source: "Escaping" of the documentation "Common Expression Language in Kubernetes".
"""

from __future__ import annotations

import re

_KEYWORDS = ("true", "false", "null", "in")
_LATER = ("as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop", "package")
_RESERVED = frozenset((*_KEYWORDS, *_LATER, "namespace", "return", "var", "void", "while"))
_ACCESSIBLE = re.compile(r"[A-Za-z_.\-/][A-Za-z0-9_.\-/]*", re.ASCII).fullmatch
_SIGNS = {"__": "__underscores__", ".": "__dot__", "-": "__dash__", "/": "__slash__"}
_NAMES = {"underscores": "__", "dot": ".", "dash": "-", "slash": "/"}
_escaped = re.compile(r"__(underscores|dot|dash|slash)__")
_sign = re.compile(r"__|[.\-/]")


def escape(name: str) -> str | None:
    """The name as an expression writes it; None if expressions cannot reach the property."""
    if not _ACCESSIBLE(name):
        return None
    if name in _RESERVED:
        return f"__{name}__"
    return _sign.sub(lambda found: _SIGNS[found[0]], name)


def unescape(name: str) -> str:
    """The property that an expression names; a name without escapes is itself."""
    if "__" not in name:
        return name
    if name.startswith("__") and name.endswith("__") and name[2:-2] in _RESERVED:
        return name[2:-2]
    return _escaped.sub(lambda found: _NAMES[found[1]], name)
