"""Made-up expressions give what cel-cpp, whose checker compiles them, makes of them itself: the same value, or an
error as well."""

from __future__ import annotations

from typing import Any

from cel_expr_python import cel
from hypothesis import given, settings
from hypothesis import strategies as st

from podo.cel.budget import Budget, BudgetExceeded
from podo.cel.environment import Environment
from podo.cel.program import CompileError, compile
from podo.cel.values import CelError

VARIABLES = {"n": 3, "word": "abc", "numbers": [1, -2, 3], "words": ["a", "bc", ""], "counts": {"a": 1, "b": -1}}
TYPES = {"n": "int", "word": "string", "numbers": "list<int>", "words": "list<string>", "counts": "map<string, int>"}
ENVIRONMENT = Environment(TYPES)
PEER = cel.NewEnv(variables={name: cel.Type(text) for name, text in TYPES.items()})
LARGEST = 2**63 - 1

quoted = st.text("abc é", max_size=4).map(lambda text: f"'{text}'")
ints = st.one_of(st.integers(-9, 9), st.sampled_from([LARGEST, -LARGEST])).map(lambda n: f"({n})")


def binary(left: st.SearchStrategy[str], signs: str, right: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(left, st.sampled_from(signs.split()), right).map(lambda parts: f"({' '.join(parts)})")


def wrapped(form: str, *parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(*parts).map(lambda found: form.format(*found))


def expressions(depth: int) -> dict[str, st.SearchStrategy[str]]:
    """Expressions by type."""
    if depth == 0:
        return {
            "int": st.one_of(ints, st.just("n")),
            "string": st.one_of(quoted, st.just("word")),
            "bool": st.sampled_from(["true", "false"]),
            "ints": st.sampled_from(["numbers", "[]", "[n, 2]"]),
        }
    of = expressions(depth - 1)
    number, text, truth, numbers = of["int"], of["string"], of["bool"], of["ints"]
    return {
        "int": st.one_of(
            number,
            binary(number, "+ - * / %", number),
            wrapped("({} ? {} : {})", truth, number, number),
            wrapped("{}.size()", text),
            wrapped("size({})", numbers),
            wrapped("{}[{}]", numbers, number),
            wrapped("counts[{}]", text),
            wrapped("int({})", text),
            wrapped("(-{})", number),
        ),
        "string": st.one_of(
            text,
            binary(text, "+", text),
            wrapped("string({})", number),
            wrapped("({} ? {} : {})", truth, text, text),
            wrapped("words[{}]", number),
        ),
        "bool": st.one_of(
            truth,
            binary(truth, "&& ||", truth),
            wrapped("(!{})", truth),
            binary(number, "== != < <= > >=", number),
            binary(text, "== != < <= > >=", text),
            binary(numbers, "== !=", numbers),
            binary(number, "in", numbers),
            wrapped("({} in counts)", text),
            wrapped("{}.all(x, {} / x > 0)", numbers, number),
            wrapped("{}.exists(x, x / {} == 1)", numbers, number),
            wrapped("{}.exists_one(x, x > {})", numbers, number),
            wrapped("{}.startsWith({})", text, text),
            wrapped("{}.endsWith({})", text, text),
            wrapped("{}.contains({})", text, text),
            wrapped("{}.matches('^[ab]+c?$')", text),
        ),
        "ints": st.one_of(
            numbers,
            binary(numbers, "+", numbers),
            wrapped("{}.map(x, x + {})", numbers, number),
            wrapped("{}.filter(x, x > {})", numbers, number),
            wrapped("words.map(w, w.size() + {})", number),
            wrapped("[{}, {}]", number, number),
        ),
    }


def ours(expression: str) -> Any:
    try:
        return compile(expression, ENVIRONMENT).evaluate(VARIABLES)
    except CelError:
        return CelError


def theirs(expression: str) -> Any:
    try:
        found = PEER.compile(expression).eval(data=VARIABLES)
    except RuntimeError:
        return CelError
    return CelError if found.type() == cel.Type.ERROR else found.plain_value()


@settings(max_examples=60, deadline=None)
@given(expression=st.one_of(*expressions(3).values()))
def test_the_value_is_that_of_cel_cpp(expression: str) -> None:
    found, expected = ours(expression), theirs(expression)
    assert found == expected and type(found) is type(expected), expression


words = ["n", "word", "numbers", "words", "counts", ".all(x, ", ".map(x, ", ".filter(x, ", "x", "[", "]", "{", "}"]
words += ["(", ")", ".", ",", ":", "?", "!", "-", "+", "&&", "||", "==", "<", " in ", "'a'", "1", "2.5", "null", "[?"]
words += [
    ".?a",
    ".orValue(1)",
    ".size()",
    "size(",
    "type(",
    "quantity('1')",
    "optional.of(",
    ".sortBy(x, ",
    ".flatten()",
]
words += [
    "ip('::1')",
    ".sum()",
    ".format([",
    "duration('1h')",
    "timestamp('2020-01-01T00:00:00Z')",
    ".getHours()",
    "dyn(",
]


@settings(max_examples=300, deadline=None)
@given(expression=st.lists(st.sampled_from(words), min_size=1, max_size=9).map("".join))
def test_whatever_is_written_has_a_value_or_a_problem(expression: str) -> None:
    try:
        compile(expression, ENVIRONMENT).evaluate(VARIABLES, Budget())
    except (CompileError, CelError, BudgetExceeded) as problem:
        assert str(problem)
