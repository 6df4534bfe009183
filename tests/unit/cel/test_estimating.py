"""Estimates of cost: never below what an expression costs, and within reason above."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podo.cel.budget import TOTAL_LIMIT, Budget
from podo.cel.estimating import RULE_LIMIT, estimate, exceeds
from podo.cel.selfrules import schema_rules

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "n": {"type": "integer"},
        "word": {"type": "string", "maxLength": 30},
        "words": {"type": "array", "maxItems": 8, "items": {"type": "string", "maxLength": 30}},
        "counts": {"type": "object", "maxProperties": 8, "additionalProperties": {"type": "integer"}},
        "endless": {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "string"}}}},
        "text": {"type": "string"},
    },
}
RULES = schema_rules(SCHEMA)
VARIABLES = {"self": RULES.declared, "oldSelf": RULES.declared}
EXPRESSIONS = [
    "self.n > 1",
    "self.n in [1, 2, 3] || has(self.word)",
    "self.words.all(w, w.startsWith('a') || w.contains('b'))",
    "self.words.exists(w, self.words.exists_one(v, v == w))",
    "self.words.map(w, w + self.word).filter(w, w.size() > 3).size() > 2",
    "self.word.matches('^[a-z]+(b|c)*$') ? self.word != 'x' : self.words.isSorted()",
    "self.counts.all(k, self.counts[k] >= 0)",
    "self.words.join(',').split(',').size() == self.words.size()",
    "self.words.all(w, self.word in self.words)",
    "self.word.lowerAscii() + self.word.upperAscii() == self.word.replace('a', 'b')",
    "{'a': self.word}['a'] == self.word && [self.n, 1, 2].sum() > self.n",
]
PROGRAMS = [RULES.compile(one) for one in EXPRESSIONS]
text = st.text("abcdef", max_size=30)
values = st.fixed_dictionaries(
    {
        "n": st.integers(-5, 5),
        "word": text,
        "words": st.lists(text, max_size=8),
        "counts": st.dictionaries(text, st.integers(0, 9), max_size=8),
    }
)


@settings(max_examples=40, deadline=None)
@given(value=values)
def test_no_value_costs_more_than_was_estimated(value: dict[str, Any]) -> None:
    for program in PROGRAMS:
        budget = Budget()
        program.evaluate(RULES.variables(value), budget)
        assert TOTAL_LIMIT - budget.left <= estimate(program, VARIABLES), program.source


@pytest.mark.parametrize(
    ("expression", "fits"),
    [
        *((one, True) for one in EXPRESSIONS),
        ("self.endless.all(e, e.a != '')", True),
        ("self.text.contains('a')", True),
        ("self.endless.all(e, e.a.contains('b'))", False),
        ("self.endless.all(e, self.endless.exists(f, f.a == e.a))", False),
        ("self.text.matches('" + "a" * 200 + "')", False),
    ],
)
def test_only_what_can_grow_without_end_is_beyond_the_limit(expression: str, fits: bool) -> None:
    assert (estimate(RULES.compile(expression), VARIABLES) <= RULE_LIMIT) is fits


def test_the_words_tell_how_far() -> None:
    assert exceeds("estimated rule cost", 25_000_000, RULE_LIMIT).startswith(
        "estimated rule cost exceeds budget by factor of 2.5x (try simplifying the rule, or adding maxItems, "
    )
    assert "factor of 1.200000x" in exceeds("x", 12_000_000, RULE_LIMIT)
    assert "factor of more than 100x" in exceeds("x", 10**12, RULE_LIMIT)
