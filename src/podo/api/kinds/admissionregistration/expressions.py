"""The CEL expressions of webhooks and admission policies: what they may refer to, and what they must evaluate to.

Source: "CEL expressions" of the documentation pages of ValidatingAdmissionPolicy and MutatingAdmissionPolicy.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from podo.cel.converting import converter
from podo.cel.declared import DYN, STRING, Declared
from podo.cel.environment import Environment
from podo.cel.library import authorizing
from podo.cel.messages import Messages
from podo.cel.program import CompileError, Program, compile

_TEXTS = Declared("list", item=STRING)
_BY_NAME = Declared("map", item=STRING)
_TIME = Declared("timestamp")
_KIND = Declared("object", dict.fromkeys(("group", "version", "kind"), STRING))
_RESOURCE = Declared("object", dict.fromkeys(("group", "version", "resource"), STRING))
_USER = Declared("object", {"username": STRING, "uid": STRING, "groups": _TEXTS, "extra": Declared("map", item=_TEXTS)})
_REQUEST = Declared(
    "object",
    {
        "kind": _KIND,
        "resource": _RESOURCE,
        "requestKind": _KIND,
        "requestResource": _RESOURCE,
        **dict.fromkeys(("subResource", "requestSubResource", "name", "namespace", "operation"), STRING),
        "userInfo": _USER,
        "dryRun": Declared("bool"),
        "options": DYN,
    },
)
_METADATA = Declared(
    "object",
    {
        **dict.fromkeys(("name", "generateName", "namespace", "UID", "uid", "resourceVersion"), STRING),
        "labels": _BY_NAME,
        "annotations": _BY_NAME,
        "creationTimestamp": _TIME,
        "deletionTimestamp": _TIME,
        "deletionGracePeriodSeconds": Declared("int"),
        "generation": Declared("int"),
        "finalizers": _TEXTS,
    },
)
_NAMESPACE = Declared(
    "object",
    {
        "apiVersion": STRING,
        "kind": STRING,
        "metadata": _METADATA,
        "spec": Declared("object", {"finalizers": _TEXTS}),
        "status": Declared("object", {"phase": STRING}),
    },
)
#: A Namespace as ``namespaceObject``: its times are timestamps.
namespace_to_cel = converter(_NAMESPACE) or (lambda value: value)

#: Name and CEL type of each variable that is declared, in their order.
Names = tuple[tuple[str, str], ...]
_SIMPLE = frozenset(("bool", "int", "uint", "double", "string", "bytes"))
_LONG = {"google.protobuf.Timestamp": "timestamp", "google.protobuf.Duration": "duration"}

BOOL = ("bool",)
TEXT = ("string",)
TEXT_OR_NULL = ("string", "null_type")


@lru_cache(maxsize=512)
def environment(
    *,
    has_params: bool = False,
    has_authorizer: bool = True,
    variables: Names = (),
    composed: bool = False,
    target: Declared = DYN,
    params: Declared = DYN,
) -> Environment:
    """``target`` and ``params``: what is known of the object and the parameters: nothing where a policy is in force,
    their type where it is checked. ``variables`` are declared where there are any, or where ``composed``: for the
    expressions of variables themselves."""
    messages = Messages()
    found = standard_variables(messages, target)
    if not has_authorizer:
        del found["authorizer"], found["authorizer.requestResource"]
    if has_params:
        found["params"] = messages.type_of(params, "Params")
    if variables or composed:
        found["variables"] = messages.type_of(declared_variables(variables), "Variables")
    return Environment(found, (messages.descriptor,))


def standard_variables(messages: Messages, target: Declared = DYN) -> dict[str, str]:
    """The variables that each expression has, with their types."""
    kind = messages.type_of(target, "TargetObject")
    return {
        "object": kind,
        "oldObject": kind,
        "request": messages.type_of(_REQUEST, "AdmissionRequest"),
        "namespaceObject": messages.type_of(_NAMESPACE, "Namespace"),
        "authorizer": authorizing.AUTHORIZER,
        "authorizer.requestResource": authorizing.RESOURCE,
    }


def declared_variables(variables: Names) -> Declared:
    return Declared("object", {name: Declared(form) for name, form in variables})


def form_of(program: Program) -> str:
    """The type of a variable, as far as expressions that use it need to know."""
    found = _LONG.get(program.result, program.result)
    return found if found in _SIMPLE or found in _LONG.values() else "dyn"


@lru_cache(maxsize=2048)
def checked(expression: str, within: Environment, wanted: tuple[str, ...] = ()) -> Program:
    """The program; its value must be of a type of ``wanted``. Raises CompileError in the words of the API."""
    try:
        program = compile(expression, within)
    except CompileError as problem:
        raise CompileError(f"compilation failed: {problem}") from None
    if wanted and program.result not in wanted:
        raise CompileError(must_be(wanted, program.result))
    return program


def must_be(wanted: Sequence[str], result: str) -> str:
    """Types in cel-go's words: ``list(int)``."""
    kinds = wanted[0] if len(wanted) == 1 else f"one of [{' '.join(wanted)}]"
    return f"must evaluate to {kinds} but got {result}".replace("<", "(").replace(">", ")")


def known_variables(declared: Iterable[dict[str, Any]], has_params: bool) -> Names:
    """Names and types of the ``variables`` of a policy; one that does not compile is dyn."""
    names: Names = ()
    for variable in declared:
        try:
            within = environment(has_params=has_params, variables=names, composed=True)
            form = form_of(checked(variable["expression"], within))
        except CompileError:
            form = "dyn"
        names = (*names, (variable["name"], form))
    return names
