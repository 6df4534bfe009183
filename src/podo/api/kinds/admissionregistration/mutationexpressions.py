"""The expressions of mutations: ``Object{spec: Object.spec{...}}`` and ``[JSONPatch{op: "add", ...}]``.

Objects are constructed by types whose names are paths of fields. Which there are is read from the expression itself:
they have the fields that it sets, each of any type; whether the fields exist is seen when the mutation is applied.
Source: the documentation page of MutatingAdmissionPolicy, KEP-3962.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from podo.api.kinds.admissionregistration import expressions
from podo.api.kinds.admissionregistration.expressions import Names
from podo.cel import tree as ast
from podo.cel.declared import DYN, STRING, Declared
from podo.cel.environment import Environment
from podo.cel.library.function import Function, function, tenth
from podo.cel.messages import Messages
from podo.cel.program import CompileError, Program, compile, structures

_OBJECT, _PATCH = "Object", "JSONPatch"
_PATCH_FIELDS = {"op": STRING, "path": STRING, "from": STRING, "value": DYN}
_FUNCTIONS: tuple[Function, ...] = (
    function(
        "jsonpatch.escapeKey",
        "string",
        "string",
        lambda key: key.replace("~", "~0").replace("/", "~1"),
        cost=tenth,
    ),
)
#: For reading an expression without looking at types.
_ANY = Environment()
#: Comments and texts, which are passed over, and the names of types that are constructed.
_token = re.compile(
    r"""//[^\n]*|[rRbB]{0,2}(?:\"{3}(?s:.*?)\"{3}|'{3}(?s:.*?)'{3})"""
    r"""|[rR][bB]?(?:"[^"\n]*"|'[^'\n]*')|[bB]?(?:"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')"""
    r"""|\b(?P<type>Object(?:\.[A-Za-z_][A-Za-z0-9_]*)+)(?=\s*\{)"""
)
#: What stands for the dots in a type's name: a protobuf message cannot have a field and a type of one name.
_JOINTS = "_XZ"


@dataclass(frozen=True, slots=True)
class Mutation:
    """A compiled mutation. ``types``: a constructed type's name in the program -> its name in the expression."""

    program: Program
    types: dict[str, str]


@lru_cache(maxsize=256)
def compiled(expression: str, *, patch: bool, has_params: bool, variables: Names) -> Mutation:
    """``patch``: it makes a JSON patch, else an object. Raises CompileError in the words of the API."""
    text, types = _renamed(expression)
    try:
        constructed = structures(text, _ANY)
        program = compile(text, _environment(constructed, has_params, variables))
    except CompileError as problem:
        raise CompileError(f"compilation failed: {_named_back(str(problem), types)}") from None
    wanted = f"list<{_PATCH}>" if patch else _OBJECT
    if program.result != wanted:
        raise CompileError(_named_back(expressions.must_be((wanted,), program.result), types))
    return Mutation(program, types)


def _renamed(text: str) -> tuple[str, dict[str, str]]:
    """The text with each type's name as one word of the same length, and what the words stand for."""
    words: dict[str, str] = {}

    def word(found: re.Match[str]) -> str:
        name = found["type"]
        if name is None:
            return found[0]
        for joint in _JOINTS:
            chosen = name.replace(".", joint)
            if words.setdefault(chosen, name) == name:
                return chosen
        raise CompileError(f"compilation failed: the names of types are too much alike: {name}")

    return _token.sub(word, text), words


def _named_back(text: str, types: dict[str, str]) -> str:
    for word, name in types.items():
        text = text.replace(word, name)
    return text


def _environment(constructed: Iterable[ast.StructNode], has_params: bool, variables: Names) -> Environment:
    messages = Messages()
    found = expressions.standard_variables(messages)
    if has_params:
        found["params"] = "dyn"
    found["variables"] = messages.type_of(expressions.declared_variables(variables), "Variables")
    fields: dict[str, dict[str, Declared]] = {_OBJECT: {}}
    for node in constructed:
        if node.message.partition(".")[0].startswith(_OBJECT):
            fields.setdefault(node.message, {}).update(dict.fromkeys((str(entry.key) for entry in node.entries), DYN))
    for name, declared in fields.items():
        messages.type_of(Declared("object", declared), name)
    messages.type_of(Declared("object", _PATCH_FIELDS), _PATCH)
    return Environment(found, (messages.descriptor,), _FUNCTIONS)
