"""From a checked expression to closures: what each kind of node does when it runs, and what it costs.

Costs are those of cel-go's cost tracker: 1 for an identifier, a selection or a call, 10 for a list, 30 for a map, 40
for an object, nothing for constants and for ``&&``, ``||``, ``?:``; functions that look at their arguments' whole
length cost more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from podo.cel import tree as ast
from podo.cel.comprehending import plan_comprehension
from podo.cel.escaping import unescape
from podo.cel.frame import ErrorBox, Frame, Run
from podo.cel.library.function import Functions
from podo.cel.operators import plan_operator
from podo.cel.selecting import select_optional
from podo.cel.values import CelError, Optional, Typed, TypeValue, Uint, no_such_overload, type_name

#: What may be a key of a map.
_KEYS = frozenset((str, int, bool, Uint))
_LIST_COST, _MAP_COST, _OBJECT_COST = 10, 30, 40
_TYPES = frozenset(
    (
        "bool",
        "bytes",
        "double",
        "duration",
        "dyn",
        "int",
        "list",
        "map",
        "null_type",
        "string",
        "timestamp",
        "type",
        "uint",
    )
)


class Planner:
    """Plans one expression. ``scopes``: the macro variables in sight, name -> slot."""

    def __init__(self, source: ast.Checked, functions: Functions, variables: frozenset[str]) -> None:
        self.source = source
        self.functions = functions
        self.variables = variables
        self.scopes: list[Mapping[str, int]] = []
        self.slots = 0
        self.used: set[str] = set()

    def slot(self) -> int:
        self.slots += 1
        return self.slots - 1

    def type_of(self, node: ast.Node) -> ast.CheckedType:
        return self.source.types.get(node.id, ast.DYN)

    def plan(self, node: ast.Node) -> Run:
        """Raises UnknownFunction."""
        if isinstance(node, ast.Const):
            value = node.value
            return lambda frame: value
        if isinstance(node, ast.Ident):
            return self._ident(node)
        if isinstance(node, ast.Select):
            return self._select(node)
        if isinstance(node, ast.Call):
            return plan_operator(self, node) or self._call(node)
        if isinstance(node, ast.ListNode):
            return self._list(node)
        if isinstance(node, ast.StructNode):
            return self._struct(node) if node.message else self._map(node)
        assert isinstance(node, ast.Comprehension)
        return plan_comprehension(self, node)

    def _ident(self, node: ast.Ident) -> Run:
        for scope in reversed(self.scopes):
            if node.name in scope:
                return _slot(scope[node.name])
        name = self.source.references.get(node.id, node.name).removeprefix(".")
        return self._variable(name) if name in self.variables else _type(name)

    def _variable(self, name: str) -> Run:
        self.used.add(name)
        return _variable(name)

    def _select(self, node: ast.Select) -> Run:
        name = self.source.references.get(node.id, "")
        if name in self.variables:
            return self._variable(name)
        if name:
            return _type(name)
        if node.test_only:
            return _has(self.plan(node.operand), self._field(node))
        return self._path(node)

    def _field(self, node: ast.Select) -> str:
        return unescape(node.field) if self.type_of(node.operand).is_message else node.field

    def _path(self, node: ast.Select) -> Run:
        """``a.b.c`` in one step."""
        fields = [self._field(node)]
        base = node.operand
        while isinstance(base, ast.Select) and not base.test_only and base.id not in self.source.references:
            fields.append(self._field(base))
            base = base.operand
        return _path(self.plan(base), tuple(reversed(fields)))

    def _call(self, node: ast.Call) -> Run:
        args = [node.target, *node.args] if node.target is not None else node.args
        return self.functions.plan(node.function, node.target is not None, [self.plan(arg) for arg in args])

    def _list(self, node: ast.ListNode) -> Run:
        elements = [self.plan(element) for element in node.elements]
        optional = node.optional

        def plain(frame: Frame) -> list[Any]:
            frame.left -= _LIST_COST
            return [element(frame) for element in elements]

        def with_optional(frame: Frame) -> list[Any]:
            frame.left -= _LIST_COST
            found = []
            for index, element in enumerate(elements):
                value = element(frame)
                if index not in optional:
                    found.append(value)
                elif _optional(value).present:
                    found.append(value.value)
            return found

        return with_optional if optional else plain

    def _map(self, node: ast.StructNode) -> Run:
        entries = [
            (self.plan(e.key), self.plan(e.value), e.optional) for e in node.entries if not isinstance(e.key, str)
        ]

        def run(frame: Frame) -> dict[Any, Any]:
            frame.left -= _MAP_COST
            found: dict[Any, Any] = {}
            for key_of, value_of, optional in entries:
                key, value = key_of(frame), value_of(frame)
                if type(key) not in _KEYS:
                    raise CelError(f"unsupported key type: {type_name(key)}")
                if key in found:
                    raise CelError(f"Failed with repeated key: {key}")
                if not optional:
                    found[key] = value
                elif _optional(value).present:
                    found[key] = value.value
            return found

        return run

    def _struct(self, node: ast.StructNode) -> Run:
        entries = [(unescape(str(e.key)), self.plan(e.value), e.optional) for e in node.entries]
        message = self.source.references.get(node.id, node.message)

        def run(frame: Frame) -> Typed:
            frame.left -= _OBJECT_COST
            found: dict[str, Any] = {}
            for field, value_of, optional in entries:
                value = value_of(frame)
                if not optional:
                    found[field] = value
                elif _optional(value).present:
                    found[field] = value.value
            return Typed(message, found)

        return run


def _optional(value: Any) -> Optional:
    if type(value) is Optional:
        return value
    raise CelError(f"cannot initialize optional entry from non-optional value {value!r}")


def _slot(index: int) -> Run:
    def run(frame: Frame) -> Any:
        frame.left -= 1
        value = frame.slots[index]
        if type(value) is ErrorBox:
            raise value.error
        return value

    return run


def _variable(name: str) -> Run:
    def run(frame: Frame) -> Any:
        frame.left -= 1
        try:
            return frame.variables[name]
        except KeyError:
            raise CelError(f"no such attribute(s): {name}") from None

    return run


_LONG = {"timestamp": "google.protobuf.Timestamp", "duration": "google.protobuf.Duration"}


def _type(name: str) -> Run:
    value = TypeValue(_LONG.get(name, name))
    return lambda frame: value


def _path(base: Run, fields: tuple[str, ...]) -> Run:
    cost = len(fields)

    def run(frame: Frame) -> Any:
        frame.left -= cost
        found = base(frame)
        at = -1
        try:
            for field in fields:
                at += 1
                found = found[field]
        except KeyError:
            raise CelError(f"no such key: {fields[at]}") from None
        except TypeError:
            return _by_options(found, fields[at:])
        return found

    return run


def _by_options(found: Any, fields: tuple[str, ...]) -> Optional:
    """The rest of a path that goes through an optional."""
    if type(found) is not Optional:
        raise no_such_overload()
    for field in fields:
        found = select_optional(found, field)
    return found


def _has(operand: Run, field: str) -> Run:
    def run(frame: Frame) -> bool:
        value = operand(frame)
        if isinstance(value, dict):
            return field in value
        if type(value) is Optional:
            return select_optional(value, field).present
        raise no_such_overload()

    return run
