"""What ``kubectl explain`` says of types and fields: read from the package ``lightkube-models`` where it is installed.

Its modules are read as text, because importing them needs the whole client library. Without the package there are no
descriptions; nothing else depends on them.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

_class = re.compile(r'^class (\w+)\([^)]*\):\n\s+r?"""(.*?)"""', re.MULTILINE | re.DOTALL)
_parameter = re.compile(r"^\s*\* \*\*(\w+)\*\* ``[^`]*``(?: - )?(.*)$")

#: A type's description and its fields'.
Described = tuple[str, dict[str, str]]
_NOTHING: Described = ("", {})


def of_type(name: str) -> Described:
    """The descriptions of the type with an OpenAPI name; empty where none are known."""
    parts = name.split(".")
    doc = _module(f"{parts[-3]}_{parts[-2]}").get(parts[-1]) if len(parts) > 3 else None
    return _parsed(doc) if doc else _NOTHING


@cache
def _module(name: str) -> dict[str, str]:
    """What is said in a module, by class."""
    package = find_spec("lightkube")
    places = package.submodule_search_locations if package else None
    try:
        text = (Path((places or ["."])[0]) / "models" / f"{name}.py").read_text()
    except OSError:
        return {}
    return {found[1]: found[2] for found in _class.finditer(text)}


@cache
def _parsed(doc: str) -> Described:
    """The description before ``**parameters**``, and each parameter's, which may go on in the lines after its first."""
    head, _, rest = doc.partition("**parameters**")
    fields: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in rest.splitlines():
        if match := _parameter.match(line):
            lines = fields[match[1]] = [match[2]]
        else:
            lines.append(line.strip())
    return _joined(head.splitlines()), {key: _joined(value) for key, value in fields.items()}


def _joined(lines: list[str]) -> str:
    """Lines of a paragraph joined; an empty line stays one between paragraphs."""
    paragraphs = "\n".join(line.strip() for line in lines).strip().split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
