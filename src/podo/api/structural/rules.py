"""The rules of a schema (x-kubernetes-validations): expressions in CEL that values must fulfil.

A rule is run on each value of its schema, with ``oldSelf`` where the value goes on from a former one. What has not
changed is not held against a write (but for rules about the change itself). All rules of an object share one budget.
Source: "Validation rules" of the documentation of CustomResourceDefinitions; KEP-2876.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from podo.api.kind import Problem
from podo.api.rules import Found
from podo.api.structural import correlating
from podo.api.structural.correlating import ABSENT
from podo.api.structural.validating import unchanged
from podo.api.structural.walking import VALIDATIONS, Path, Schema, additional, items, path_text, properties

if TYPE_CHECKING:
    from podo.cel.budget import Budget
    from podo.cel.program import Program
    from podo.cel.selfrules import SchemaRules

Rule = Mapping[str, Any]
_OUT_OF_BUDGET = "validation failed due to running out of cost budget, no further validation rules will be run"
_TYPES: dict[type, str] = {
    dict: "object",
    list: "array",
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
}
#: What a messageExpression may give at most, in characters.
_MESSAGE_MAX = 5120


class _Spent(Exception):
    """The budget of all rules is used up."""


class Rules:
    """All rules of a schema. ``some``: are there any?"""

    def __init__(self, schema: Schema, *, is_root: bool = True) -> None:
        self._schema = schema
        self._is_root = is_root
        self.some = _has_rules(schema)

    @cached_property
    def _root(self) -> _Node | None:
        return _node(self._schema, is_root=self._is_root)

    def problems(self, new: Any, old: Any) -> Found:
        """What the rules have against an object, or a value of another schema; ``old`` None is none."""
        from podo.cel.budget import Budget

        found: Found = []
        if self._root is not None:
            try:
                self._root.check(new, ABSENT if old is None else old, None, _Run(found, Budget(), old is not None))
            except _Spent:
                found.append(Problem("<nil>", "FieldValueInvalid", f"Invalid value: {_OUT_OF_BUDGET}"))
        return found


def _has_rules(schema: Schema) -> bool:
    inner = [*properties(schema).values(), *(one for one in (items(schema), additional(schema)) if one is not None)]
    return bool(schema.get(VALIDATIONS)) or any(_has_rules(one) for one in inner)


@dataclass(slots=True)
class _Run:
    """One object on its way through the rules."""

    found: Found
    budget: Budget
    is_update: bool


class _Node:
    """The rules of one schema and of those within."""

    def __init__(self, schema: Schema, is_root: bool) -> None:
        scopes = Scopes(schema, is_root)
        self._rules = [_Compiled(rule, scopes) for rule in schema.get(VALIDATIONS) or ()]
        self._known = {name: made for name, one in properties(schema).items() if (made := _node(one)) is not None}
        values, inner = additional(schema), items(schema)
        self._values = _node(values) if values else None
        self._items = _node(inner) if inner is not None else None
        self._correlate = correlating.items_of(schema)

    def check(self, value: Any, old: Any, path: Path, run: _Run) -> None:
        if value is None:
            return
        if self._rules:
            same = old is not ABSENT and unchanged(value, old)
            seen: dict[bool, Mapping[str, Any]] = {}
            for rule in self._rules:
                rule.check(value, old, path, run, same=same, seen=seen)
        if value.__class__ is dict:
            self._check_members(value, old, path, run)
        elif value.__class__ is list and self._items is not None:
            former = self._correlate(old) if old.__class__ is list else None
            for index, item in enumerate(value):
                self._items.check(item, ABSENT if former is None else former(item), (path, index), run)

    def _check_members(self, value: dict[str, Any], old: Any, path: Path, run: _Run) -> None:
        if not self._known and self._values is None:
            return
        before = old if old.__class__ is dict else {}
        for name, item in value.items():
            inner = self._known.get(name, self._values)
            if inner is not None:
                inner.check(item, before.get(name, ABSENT), (path, name), run)


def _node(schema: Schema, is_root: bool = False) -> _Node | None:
    return _Node(schema, is_root) if _has_rules(schema) else None


class _Compiled:
    """One rule; compiled with the first value."""

    def __init__(self, rule: Rule, scopes: Scopes) -> None:
        self._rule = rule
        self._scopes = scopes
        self._optional = bool(rule.get("optionalOldSelf"))

    @cached_property
    def _scope(self) -> SchemaRules:
        return self._scopes.of(self._rule)

    @cached_property
    def _program(self) -> Program:
        return self._scope.compile(self._rule["rule"])

    @cached_property
    def _message(self) -> Program | None:
        text = self._rule.get("messageExpression")
        return self._scope.compile(text) if text else None

    def check(
        self, value: Any, old: Any, path: Path, run: _Run, *, same: bool, seen: dict[bool, Mapping[str, Any]]
    ) -> None:
        """``seen``: what rules are shown of the value, made for the first of them."""
        is_transition = "oldSelf" in self._program.variables
        if is_transition and old is ABSENT and not self._optional:
            return
        if same and not is_transition:
            return
        variables = seen.get(self._optional)
        if variables is None:
            former = None if old is ABSENT else old
            variables = seen[self._optional] = self._scope.variables(value, former, has_old=old is not ABSENT)
        why = self._judged(variables, run)
        if why is not None:
            run.found.append(self._problem(value, path, why))

    def _judged(self, variables: Mapping[str, Any], run: _Run) -> str | None:
        """Why the rule does not hold; None where it does."""
        from podo.cel.budget import BudgetExceeded
        from podo.cel.values import CelError

        said = self._rule.get("message") or self._rule["rule"]
        try:
            if self._program.evaluate(variables, run.budget) is True:
                return None
        except BudgetExceeded:
            if run.budget.left <= 0:
                raise _Spent from None
            return f"call cost exceeds limit for rule: {said}"
        except CelError as problem:
            return f"{problem} evaluating rule: {said}"
        return self._told(variables, run.budget)

    def _told(self, variables: Mapping[str, Any], budget: Budget) -> str:
        """The rule's message: of its expression if that gives one."""
        from podo.cel.budget import BudgetExceeded
        from podo.cel.values import CelError

        if self._message is not None:
            try:
                text = self._message.evaluate(variables, budget)
            except BudgetExceeded:
                if budget.left <= 0:
                    raise _Spent from None
                text = ""
            except CelError:
                text = ""
            if isinstance(text, str) and text.strip() and "\n" not in text and len(text) <= _MESSAGE_MAX:
                return text.strip()
        return (self._rule.get("message") or "").strip() or f"failed rule: {self._rule['rule'].strip()}"

    def _problem(self, value: Any, path: Path, why: str) -> Problem:
        where = path_text(path)
        if below := self._rule.get("fieldPath"):
            where = (where + below).removeprefix(".")
        kind, reason = _TYPES.get(value.__class__, "null"), self._rule.get("reason") or "FieldValueInvalid"
        return Problem(where or "<nil>", reason, _WORDS[reason](kind, why))


_WORDS: dict[str, Callable[[str, str], str]] = {
    "FieldValueInvalid": lambda kind, why: f'Invalid value: "{kind}": {why}',
    "FieldValueForbidden": lambda kind, why: f"Forbidden: {why}",
    "FieldValueRequired": lambda kind, why: f"Required value: {why}",
    "FieldValueDuplicate": lambda kind, why: f'Duplicate value: "{kind}"',
}


class Scopes:
    """What the rules of one schema can refer to: made once for all of them."""

    def __init__(self, schema: Schema, is_root: bool) -> None:
        self._schema = schema
        self._is_root = is_root
        self._made: dict[bool, SchemaRules] = {}

    def of(self, rule: Rule) -> SchemaRules:
        from podo.cel.selfrules import schema_rules

        optional = bool(rule.get("optionalOldSelf"))
        if optional not in self._made:
            self._made[optional] = schema_rules(self._schema, root=self._is_root, optional_old=optional)
        return self._made[optional]
