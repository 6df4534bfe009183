"""A checked expression as a tree of nodes, with what the checker found out about each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Node:
    id: int


@dataclass(slots=True)
class Const(Node):
    value: Any


@dataclass(slots=True)
class Ident(Node):
    name: str


@dataclass(slots=True)
class Select(Node):
    operand: Node
    field: str
    test_only: bool  # ``has(a.b)``


@dataclass(slots=True)
class Call(Node):
    target: Node | None
    function: str
    args: list[Node]


@dataclass(slots=True)
class ListNode(Node):
    elements: list[Node]
    optional: frozenset[int]


@dataclass(slots=True)
class Entry:
    """Of a map (``key`` is a Node) or of a struct (a field's name)."""

    key: Node | str
    value: Node
    optional: bool


@dataclass(slots=True)
class StructNode(Node):
    message: str  # "" for a map
    entries: list[Entry]


@dataclass(slots=True)
class Comprehension(Node):
    var: str
    var2: str
    range: Node
    accu: str
    init: Node
    condition: Node
    step: Node
    result: Node


@dataclass(frozen=True, slots=True)
class CheckedType:
    """``name``: a CEL type's name (``int``, ``list``, ``map``, a message's); ``params``: of a list or map."""

    name: str
    params: tuple[CheckedType, ...] = ()
    is_message: bool = False

    def __str__(self) -> str:
        """As CEL writes it: ``map<string, dyn>``."""
        return f"{self.name}<{', '.join(map(str, self.params))}>" if self.params else self.name


DYN = CheckedType("dyn")


@dataclass(slots=True)
class Checked:
    """A checked expression. ``references``: node -> name it stands for; ``overloads``: node -> candidates;
    ``types``: node -> its type (absent: dyn)."""

    root: Node
    references: dict[int, str] = field(default_factory=dict)
    overloads: dict[int, tuple[str, ...]] = field(default_factory=dict)
    types: dict[int, CheckedType] = field(default_factory=dict)


def children(node: Node) -> Iterator[Node]:
    """The nodes right below one."""
    if isinstance(node, Select):
        yield node.operand
    elif isinstance(node, Call):
        yield from ([node.target] if node.target is not None else [])
        yield from node.args
    elif isinstance(node, ListNode):
        yield from node.elements
    elif isinstance(node, StructNode):
        for entry in node.entries:
            if isinstance(entry.key, Node):
                yield entry.key
            yield entry.value
    elif isinstance(node, Comprehension):
        yield from (node.range, node.init, node.condition, node.step, node.result)


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it."""
    yield node
    for child in children(node):
        yield from walk(child)
