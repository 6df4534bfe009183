"""What an expression may refer to: variables with their types, types of objects, and the libraries.

An environment is made once and compiles many expressions. The checker behind it (``cel-expr-python``) is loaded with
the first expression: a server without any never loads it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache
from importlib import import_module
from typing import Any

from podo.cel.library.function import Function, Functions
from podo.runtime.slices import rest_once

#: The checker's own extensions that Kubernetes has, and their versions.
_EXTENSIONS = {"optional": 2, "sets": 0, "two-var-comprehensions": 0, "lists": 2}

_LIBRARIES = (
    *("standard", "quantities", "addresses", "authorizing", "formats", "formatting", "lists", "semvers", "strings"),
    "libraries",
)
#: Modules that others in this list import come first, so that no piece is long.
_PIECES = (
    *("google.protobuf.descriptor_pool", "google.protobuf.struct_pb2", "cel_expr_python.cel"),
    *(f"podo.cel.library.{name}" for name in _LIBRARIES),
)

#: Checkers that are kept: each has half a megabyte, and is made again in some milliseconds.
_CHECKERS = 24


@dataclass(frozen=True, eq=False)
class Environment:
    """``variables``: name -> type as CEL writes it (``dyn``, ``string``, ``list<int>``, a message's name).
    ``descriptors``: a serialized FileDescriptorProto each, for the messages. ``functions``: beside the libraries.
    """

    variables: Mapping[str, str] = field(default_factory=dict)
    descriptors: tuple[bytes, ...] = ()
    functions: tuple[Function, ...] = ()

    @cached_property
    def names(self) -> frozenset[str]:
        return frozenset(self.variables)

    @cached_property
    def implementations(self) -> Functions:
        return Functions((*_libraries()[0], *_libraries()[1], *self.functions)) if self.functions else _standard()

    @property
    def checker(self) -> Any:
        """The ``cel_expr_python`` environment."""
        _load()
        return _checker(self)


@cache
def _load() -> None:
    """What an expression is checked and carried out with, a tenth of a second of imports, is loaded piece by piece."""
    for piece in _PIECES:
        import_module(piece)
        rest_once()


@lru_cache(maxsize=_CHECKERS)
def _checker(environment: Environment) -> Any:
    from cel_expr_python import cel

    simple, apart = _split(_libraries()[1])
    more, more_apart = _split(environment.functions) if environment.functions else ((), ())
    optional = {name: text for name, text in environment.variables.items() if "optional_type" in text}
    return cel.NewEnv(
        _pool(environment.descriptors) if environment.descriptors else None,
        config=_config(tuple(optional.items()), (*apart, *more_apart)),
        variables={name: cel.Type(text) for name, text in environment.variables.items() if name not in optional},
        functions=[*simple, *more],
    )


@lru_cache(maxsize=16)
def _split(functions: tuple[Function, ...]) -> tuple[tuple[Any, ...], tuple[tuple[str, tuple[Function, ...]], ...]]:
    """Declarations, and those functions by name that only the configuration can declare."""
    found = _by_name(functions)
    apart = {name for name, overloads in found.items() if any(_has_optional(one) for one in overloads)}
    simple = tuple(_declaration(name, overloads) for name, overloads in found.items() if name not in apart)
    return simple, tuple((name, tuple(found[name])) for name in apart)


@cache
def _libraries() -> tuple[tuple[Function, ...], tuple[Function, ...]]:
    """Functions whose declarations the checker has already, and those that it must be told."""
    from podo.cel.library import libraries

    return libraries.KNOWN, libraries.DECLARED


@cache
def _standard() -> Functions:
    known, declared = _libraries()
    return Functions((*known, *declared))


def _by_name(functions: Iterable[Function]) -> dict[str, list[Function]]:
    found: dict[str, list[Function]] = {}
    for one in functions:
        found.setdefault(one.name, []).append(one)
    return found


def _has_optional(one: Function) -> bool:
    return any("optional_type" in text for text in (one.result, *one.params))


@lru_cache(maxsize=64)
def _config(variables: tuple[tuple[str, str], ...], functions: tuple[tuple[str, tuple[Function, ...]], ...]) -> Any:
    """Extensions, what is left out of the standard, and all declarations with optionals in them, which only this form
    (YAML, of which JSON is a part) can say."""
    from cel_expr_python import cel

    from podo.cel.library.libraries import REPLACED

    config = {
        "name": "kubernetes",
        "stdlib": {"exclude_functions": [{"name": name} for name in REPLACED]},
        "extensions": [{"name": name, "version": version} for name, version in _EXTENSIONS.items()],
        "variables": [{"name": name, **_type(text)} for name, text in variables],
        "functions": [{"name": name, "overloads": _overloads(found)} for name, found in functions],
    }
    return cel.NewEnvConfigFromYaml(json.dumps(config))


def _overloads(functions: Iterable[Function]) -> list[dict[str, Any]]:
    found = []
    for one in functions:
        params = [_type(param) for param in one.params]
        overload = {"id": _id(one), "args": params[1:] if one.member else params, "return": _type(one.result)}
        found.append({**overload, "target": params[0]} if one.member else overload)
    return found


def _type(text: str) -> dict[str, Any]:
    name, _, inner = text.partition("<")
    if not inner:
        return {"type_name": name}
    if name == "map":
        return {"type_name": name, "params": [_type(part.strip()) for part in inner[:-1].split(",", 1)]}
    return {"type_name": name, "params": [_type(inner[:-1])]}


def _id(one: Function) -> str:
    return f"{one.name}({', '.join(one.params)}){' member' if one.member else ''}"


def _pool(descriptors: Iterable[bytes]) -> Any:
    from google.protobuf import (
        any_pb2,
        descriptor_pool,
        duration_pb2,
        field_mask_pb2,
        struct_pb2,
        timestamp_pb2,
        wrappers_pb2,
    )

    pool = descriptor_pool.DescriptorPool()
    for known in (any_pb2, duration_pb2, struct_pb2, timestamp_pb2, wrappers_pb2, field_mask_pb2):
        pool.AddSerializedFile(known.DESCRIPTOR.serialized_pb)
    for descriptor in descriptors:
        pool.AddSerializedFile(descriptor)
    return pool


def _declaration(name: str, functions: Iterable[Function]) -> Any:
    from cel_expr_python import cel

    overloads = [
        cel.Overload(
            _id(one),
            return_type=cel.Type(one.result),
            parameters=[cel.Type(param) for param in one.params],
            is_member=one.member,
        )
        for one in functions
    ]
    return cel.FunctionDecl(name, overloads)
