"""What an expression can cost at most, before any value is seen: from the longest that lists, maps and texts can be by
their schema, or within a request of the largest size.

The costs of operations are those that ``planning`` and the libraries charge when it runs, but for the equality of lists
and maps: that is charged by the elements compared and estimated by the length, as upstream does. What functions give is
taken to be as long as their arguments allow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from podo.cel import tree as ast
from podo.cel.declared import DYN, Declared, from_openapi
from podo.cel.escaping import unescape
from podo.cel.program import Program

#: An estimate above is a refusal: of one rule, and of all rules of a schema together.
RULE_LIMIT, SCHEMA_LIMIT = 10_000_000, 100_000_000
#: The largest request, in bytes.
_REQUEST = 3 * 1024 * 1024
#: Enough: estimates stop growing here.
_MOST = 2**63
#: The shortest that values of a form are in JSON, in bytes.
_SHORTEST = {"bool": 4, "string": 2, "list": 2, "map": 2, "object": 2, "timestamp": 12, "duration": 4, "bytes": 2}
_CHECK = 350_000


@dataclass(frozen=True, slots=True)
class _Value:
    """What is known of a value: its declaration, the longest it can be, and its elements."""

    most: int
    declared: Declared = DYN
    item: _Value | None = None


_ONE = _Value(1)
_ANY = _Value(_REQUEST)


def longest(declared: Declared) -> int:
    """How many elements a list or map can have at most, or bytes a text."""
    if declared.form in ("string", "bytes"):
        return declared.most * 4 if declared.most is not None else _REQUEST - 2
    if declared.form not in ("list", "map"):
        return declared.most or 1
    if declared.most is not None:
        return declared.most
    item = _shortest(declared.item or DYN)
    return (_REQUEST - 2) // (item + (1 if declared.form == "list" else 6))


def _shortest(declared: Declared, depth: int = 0) -> int:
    if declared.form != "object" or depth > 16:
        return _SHORTEST.get(declared.form, 1)
    needed = ((name, declared.fields[name]) for name in declared.required if name in declared.fields)
    return 2 + sum(len(name) + 4 + _shortest(inner, depth + 1) for name, inner in needed)


def times_within(schemas: Iterable[Mapping[str, Any]]) -> int:
    """How often a value can be there that lies within lists or maps of these schemas, one in the other."""
    times = 1
    for schema in schemas:
        times = min(times * longest(from_openapi(schema) or DYN), _MOST)
    return times


def exceeds(what: str, cost: int, limit: int) -> str:
    """The words for an estimate that is above its limit."""
    factor = cost / limit
    shown = "more than 100x" if factor > 100 else f"{factor:f}x" if factor < 1.5 else f"{factor:.1f}x"
    why = "try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings"
    return f"{what} exceeds budget by factor of {shown} ({why} are declared)"


def estimate(program: Program, variables: Mapping[str, Declared]) -> int:
    """The most that the program can cost. ``variables``: what is declared of them; others are dyn."""
    scope = {name: _of_declared(declared) for name, declared in variables.items()}
    cost, _ = _Estimator().visit(program.tree.root, scope)
    return min(cost, _MOST)


def _of_declared(declared: Declared) -> _Value:
    if declared.form == "dyn":
        return _Value(_REQUEST, declared)
    item = _of_declared(declared.item) if declared.item else None
    return _Value(longest(declared), declared, item)


Scope = Mapping[str, _Value]
Estimate = tuple[int, _Value]


class _Estimator:
    def visit(self, node: ast.Node, scope: Scope) -> Estimate:
        if isinstance(node, ast.Const):
            return 0, _Value(len(node.value) if isinstance(node.value, str | bytes) else 1)
        if isinstance(node, ast.Ident):
            return 1, scope.get(node.name, _ONE if node.name in _NAMES else _ANY)
        if isinstance(node, ast.Select):
            return self._select(node, scope)
        if isinstance(node, ast.Call):
            return self._call(node, scope)
        if isinstance(node, ast.ListNode):
            return self._list(node, scope)
        if isinstance(node, ast.StructNode):
            return self._struct(node, scope)
        assert isinstance(node, ast.Comprehension)
        return self._comprehension(node, scope)

    def _select(self, node: ast.Select, scope: Scope) -> Estimate:
        cost, operand = self.visit(node.operand, scope)
        if node.test_only:
            return cost, _ONE
        return cost + 1, _member(operand, unescape(node.field))

    def _list(self, node: ast.ListNode, scope: Scope) -> Estimate:
        found = [self.visit(element, scope) for element in node.elements]
        return 10 + sum(cost for cost, _ in found), _Value(len(found), item=_widest([value for _, value in found]))

    def _struct(self, node: ast.StructNode, scope: Scope) -> Estimate:
        cost = 40 if node.message else 30
        values = []
        for entry in node.entries:
            if isinstance(entry.key, ast.Node):
                cost += self.visit(entry.key, scope)[0]
            more, value = self.visit(entry.value, scope)
            cost += more
            values.append(value)
        return cost, _Value(len(values), item=_widest(values))

    def _comprehension(self, node: ast.Comprehension, scope: Scope) -> Estimate:
        cost, items = self.visit(node.range, scope)
        started, accu = self.visit(node.init, scope)
        times = items.most
        loop = dict(scope)
        loop[node.accu] = _Value(times if isinstance(node.init, ast.ListNode | ast.StructNode) else accu.most)
        keys = items.declared.form == "map" and not node.var2
        loop[node.var] = _ANY if keys else items.item or _ANY
        if node.var2:
            loop[node.var2], loop[node.var] = items.item or _ANY, _ANY if items.declared.form == "map" else _ONE
        turn = self.visit(node.condition, loop)[0]
        stepped, made = self.visit(node.step, loop)
        loop[node.accu] = _Value(loop[node.accu].most, item=made.item)
        finished, result = self.visit(node.result, loop)
        return min(cost + started + times * (turn + stepped) + finished, _MOST), result

    def _call(self, node: ast.Call, scope: Scope) -> Estimate:
        args = [node.target, *node.args] if node.target is not None else node.args
        found = [self.visit(arg, scope) for arg in args]
        costs, values = [cost for cost, _ in found], [value for _, value in found]
        name = node.function
        if name == "_?_:_":
            return costs[0] + max(costs[1:]), _widest(values[1:]) or _ANY
        if name in ("_&&_", "_||_"):
            return sum(costs), _ONE
        if name in ("_?._", "_[?_]", "_[_]"):
            return sum(costs) + 1, self._element(node, values)
        own = _COSTS.get(name, _tenth if values and name in _TEXTS else _single)(values)
        return min(sum(costs) + own, _MOST), _result(name, values)

    @staticmethod
    def _element(node: ast.Call, values: Sequence[_Value]) -> _Value:
        key = node.args[1]
        if isinstance(key, ast.Const) and isinstance(key.value, str) and values[0].declared.form == "object":
            return _member(values[0], unescape(key.value))
        return values[0].item or _ANY


def _member(operand: _Value, field: str) -> _Value:
    if operand.declared.form == "object" and field in operand.declared.fields:
        return _of_declared(operand.declared.fields[field])
    return operand.item or _ANY


def _widest(values: Sequence[_Value]) -> _Value | None:
    return max(values, key=lambda value: value.most, default=None)


def _part(size: int, by: int) -> int:
    return -(-size // by) or 1


def _single(values: Sequence[_Value]) -> int:
    return 1


def _tenth(values: Sequence[_Value]) -> int:
    return _part(values[0].most, 10)


def _each(values: Sequence[_Value]) -> int:
    return values[0].most or 1


def _shorter(values: Sequence[_Value]) -> int:
    return _part(min(value.most for value in values), 10)


def _pattern(values: Sequence[_Value]) -> int:
    return _part(values[0].most + 1, 10) * _part(values[1].most, 4)


_NAMES = frozenset(("bool", "bytes", "double", "int", "list", "map", "null_type", "string", "type", "uint"))
_COSTS: dict[str, Callable[[Sequence[_Value]], int]] = {
    "contains": lambda values: _part(values[0].most, 10) * _part(values[1].most, 10),
    "startsWith": lambda values: _part(values[1].most, 10),
    "endsWith": lambda values: _part(values[1].most, 10),
    **dict.fromkeys(("matches", "find", "findAll"), _pattern),
    **dict.fromkeys(("_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_"), _shorter),
    "_+_": lambda values: _part(sum(value.most for value in values), 10),
    "@in": lambda values: values[1].most or 1,
    **dict.fromkeys(("isSorted", "sum", "min", "max", "indexOf", "lastIndexOf", "distinct", "sort"), _each),
    **dict.fromkeys(("sets.contains", "sets.equivalent", "sets.intersects"), lambda v: v[0].most * v[1].most),
    "check": lambda values: _CHECK,
}
#: Functions that look once at a text.
_TEXTS = frozenset(
    {
        *("lowerAscii", "upperAscii", "substring", "trim", "replace", "split", "join", "format", "strings.quote"),
        *("quantity", "isQuantity", "url", "isURL", "ip", "isIP", "cidr", "isCIDR", "semver", "isSemver", "validate"),
    }
)
_SAME = frozenset(
    ("lowerAscii", "upperAscii", "substring", "trim", "find", "string", "orValue", "or", "value", "first")
)


def _result(name: str, values: Sequence[_Value]) -> _Value:
    """What a function gives, as far as its length matters."""
    if name == "_+_":
        return _Value(min(sum(value.most for value in values), _MOST), values[0].declared, values[0].item)
    if name in ("replace", "format", "join"):
        inner = values[0].item.most if values[0].item else 1
        return _Value(min(values[0].most * inner + sum(value.most for value in values[1:]), _REQUEST))
    if name in ("split", "findAll"):
        return _Value(values[0].most, item=values[0])
    if name in _SAME and values:
        return values[0]
    if name in ("distinct", "sort", "reverse", "slice", "dyn", "optional.of") and values:
        return values[0]
    return _ONE
