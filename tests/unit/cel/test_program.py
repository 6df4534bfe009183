"""Expressions by their value, their errors and their cost."""

from __future__ import annotations

from typing import Any

import pytest

from podo.api.kinds.resource.expressions import checked
from podo.cel.budget import PER_CALL_LIMIT, Budget, BudgetExceeded
from podo.cel.environment import Environment
from podo.cel.program import CompileError, compile
from podo.cel.values import CelError, Uint

ENVIRONMENT = Environment({"object": "dyn", "x": "list<int>", "name": "string"})
OBJECT = {
    "metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web"}},
    "spec": {"replicas": 3, "containers": [{"name": "a", "image": "r/a"}, {"name": "b", "image": "r/b"}]},
}
VARIABLES = {"object": OBJECT, "x": [1, 2, 3], "name": "web"}


def value_of(expression: str, budget: Budget | None = None) -> Any:
    return compile(expression, ENVIRONMENT).evaluate(VARIABLES, budget)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 + 2 * 3 - 4", 3),
        ("7 / 2", 3),
        ("-7 / 2", -3),
        ("-7 % 2", -1),
        ("1u + 2u", Uint(3)),
        ("1.5 * 2.0", 3.0),
        ("1 < 1.5 && 2u > 1 && dyn(1) == 1.0", True),
        ("dyn(true) == dyn(1)", False),
        ("'a' + 'b'", "ab"),
        ("[1] + [2]", [1, 2]),
        ("b'a' + b'b'", b"ab"),
        ("{'a': 1}['a']", 1),
        ("x[0] + x[2]", 4),
        ("2 in x", True),
        ("'app' in object.metadata.labels", True),
        ("x.all(i, i > 0)", True),
        ("x.exists(i, i > 2)", True),
        ("x.exists_one(i, i > 1)", False),
        ("x.map(i, i * i)", [1, 4, 9]),
        ("x.map(i, i > 1, i * i)", [4, 9]),
        ("x.filter(i, i % 2 == 1)", [1, 3]),
        ("x.map(i, [i].map(i, i + 1)[0] + i)", [3, 5, 7]),
        ("x.all(i, v, v == i + 1)", True),
        ("x.transformList(i, v, v > 1, i + v)", [3, 5]),
        ("x.transformMap(i, v, v * 2)", {0: 2, 1: 4, 2: 6}),
        ("{'a': 1}.transformMapEntry(k, v, {v: k})", {1: "a"}),
        ("object.metadata.labels.map(k, k)", ["app"]),
        ("has(object.spec.replicas) && !has(object.spec.paused)", True),
        ("object.spec.containers.map(c, c.image)", ["r/a", "r/b"]),
        ("object.metadata.namespace", "shop"),
        ("object.?spec.?paused.orValue(false)", False),
        ("object.?spec.?replicas.orValue(0)", 3),
        ("object.spec.containers[?5].hasValue()", False),
        ("object.spec.containers[?0].name.orValue('')", "a"),
        ("optional.none().or(optional.of(2)).value()", 2),
        ("optional.of(3).optMap(v, v + 1).orValue(0)", 4),
        ("optional.ofNonZeroValue('').hasValue()", False),
        ("{'a': {'a': optional.of({'a': 5})}}.a.a.a.orValue(0)", 5),
        ("[1, ?optional.none(), 3]", [1, 3]),
        ("{?'a': optional.of(1), ?'b': optional.none()}", {"a": 1}),
        ("type(1) == int && type('a') == string && type(x) == list", True),
        ("size(name) + name.size() + x.size()", 9),
        ("int('42') + int(3.9) + int(2u)", 47),
        ("double('1.5')", 1.5),
        ("string(1.0) + string(2) + string(true) + string(1e21)", "12true1e+21"),
        ("string(timestamp('2020-01-01T00:00:00.5+01:00'))", "2019-12-31T23:00:00.5Z"),
        ("timestamp('2020-01-01T00:00:00Z') + duration('1h') > timestamp('2020-01-01T00:30:00Z')", True),
        ("string(timestamp('2020-01-01T01:00:00Z') - timestamp('2020-01-01T00:00:00Z'))", "3600s"),
        ("timestamp('2020-01-05T10:00:00Z').getDayOfWeek()", 0),
        ("timestamp('2020-01-05T10:00:00Z').getHours('+02:30')", 12),
        ("timestamp('2020-07-05T10:00:00Z').getHours('Europe/Berlin')", 12),
        ("duration('90m').getHours()", 1),
        ("'abc'.matches('^a.c$') && 'abc'.startsWith('ab') && 'abc'.endsWith('bc') && 'abc'.contains('b')", True),
    ],
)
def test_gives_the_value(expression: str, value: Any) -> None:
    found = value_of(expression)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "expression",
    [
        "1 / 0 == 1 || true",
        "true || 1 / 0 == 1",
        "!(false && object.nope)",
        "!(object.nope && false)",
        "x.exists(i, 6 / (i - 1) == 3)",
    ],
)
def test_an_error_is_absorbed_by_what_decides_without_it(expression: str) -> None:
    assert value_of(expression) is True


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("object.nope", "no such key: nope"),
        ("object.metadata.labels['b']", "no such key: b"),
        ("x[3]", "index out of bounds: 3"),
        ("1 / 0", "division by zero"),
        ("1 % 0", "modulus by zero"),
        ("9223372036854775807 + 1", "integer overflow"),
        ("0u - 1u", "unsigned integer overflow"),
        ("object.metadata.name + 1", "no such overload"),
        ("object.spec.replicas.foo", "no such overload"),
        ("object.spec.replicas && true", "no such overload"),
        ("int('a')", "type conversion error from 'string' to 'int'"),
        ("x.all(i, object.nope)", "no such key: nope"),
        ("optional.none().value()", "optional.none() dereference"),
        ("'a'.matches('(')", "error parsing regexp: missing ): ("),
    ],
)
def test_fails_with_the_words_of_cel(expression: str, message: str) -> None:
    with pytest.raises(CelError) as raised:
        value_of(expression)
    assert str(raised.value) == message


def test_a_compile_error_shows_the_place() -> None:
    with pytest.raises(CompileError) as raised:
        compile("name ==\n  nope", ENVIRONMENT)
    assert str(raised.value) == (
        "ERROR: <input>:2:3: undeclared reference to 'nope' (in container '')\n |   nope\n | ..^"
    )


@pytest.mark.parametrize("expression", ["1 + q.a.b", "1 + q.a.b[0].c", "1 + [q.a][0]", "has(q.a)", "has(q.a.b)"])
def test_what_is_unknown_is_the_variable_and_not_its_field(expression: str) -> None:
    with pytest.raises(CompileError) as raised:
        compile(expression, ENVIRONMENT)
    at = expression.index("q")
    told = f"ERROR: <input>:1:{at + 1}: undeclared reference to 'q' (in container '')"
    assert str(raised.value) == f"{told}\n | {expression}\n | {'.' * at}^"


@pytest.mark.parametrize(
    "expression", ["name + 1", "x.size(", "nope(1)", "x.all(i, i)", "[1, 'a'].foo()", "", "a" * 16_385]
)
def test_what_is_not_valid_does_not_compile(expression: str) -> None:
    with pytest.raises(CompileError):
        compile(expression, ENVIRONMENT)


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(CompileError):
        compile("(" * 5000 + "1" + ")" * 5000, ENVIRONMENT)
    with pytest.raises(CompileError):
        compile("-" * 600 + "x[0]" + "[0]" * 500, ENVIRONMENT)


def test_the_cost_is_that_of_cel_go() -> None:
    """Identifier 1, two selections 1 each, comparison 1; constants nothing."""
    budget = Budget()
    value_of("object.spec.replicas > 2", budget)
    assert Budget().left - budget.left == 4


def test_an_expression_stops_at_its_limit() -> None:
    program = compile("x.all(a, x.all(b, x.all(c, a + b + c >= 0)))", ENVIRONMENT)
    budget = Budget()
    with pytest.raises(BudgetExceeded, match="operation cancelled: actual cost limit exceeded"):
        program.evaluate({"x": list(range(1000))}, budget)
    assert PER_CALL_LIMIT <= Budget().left - budget.left < PER_CALL_LIMIT + 100


def test_nothing_absorbs_the_limit() -> None:
    with pytest.raises(BudgetExceeded):
        compile("x.all(a, x.all(b, x.all(c, a + b + c >= 0))) || true", ENVIRONMENT).evaluate({"x": [1]}, Budget(0))


def test_expressions_share_a_budget() -> None:
    budget = Budget(5)
    value_of("name == 'web'", budget)
    value_of("name == 'web'", budget)
    with pytest.raises(BudgetExceeded):
        value_of("name == 'web'", budget)


def test_variables_may_be_computed_when_asked() -> None:
    asked: list[str] = []

    class Lazy(dict[str, Any]):
        def __missing__(self, name: str) -> Any:
            asked.append(name)
            return "web"

    assert compile("true || name == 'x'", ENVIRONMENT).evaluate(Lazy()) is True
    assert not asked
    assert compile("name == 'web'", ENVIRONMENT).evaluate(Lazy()) is True
    assert asked == ["name"]


def test_what_follows_from_an_error_is_not_told_beside_it() -> None:
    with pytest.raises(CompileError) as told:
        checked("device.nope.more == 1 && device.other == 2")
    fields = [line.partition("undefined field ")[2] for line in str(told.value).splitlines() if "ERROR" in line]
    assert fields == ["'nope'", "'other'"]
