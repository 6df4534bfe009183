"""What an expression may refer to: variables with their types, types of objects, and the libraries.

An environment is made once and compiles many expressions. The checker behind it (``cel-expr-python``) is loaded with
the first expression: a server without any never loads it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

from podo.cel.library.function import Function, Functions

#: The checker's own extensions that Kubernetes has, and their versions.
_EXTENSIONS = {"optional": 2, "sets": 0, "two-var-comprehensions": 0, "lists": 2}


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

    @cached_property
    def checker(self) -> Any:
        """The ``cel_expr_python`` environment."""
        from cel_expr_python import cel

        variables = {name: cel.Type(text) for name, text in self.variables.items()}
        declared = [*_libraries()[1], *self.functions]
        return cel.NewEnv(
            _pool(self.descriptors) if self.descriptors else None,
            config=_config(),
            variables=variables,
            functions=_declarations(declared),
        )


@cache
def _libraries() -> tuple[tuple[Function, ...], tuple[Function, ...]]:
    """Functions whose declarations the checker has already, and those that it must be told."""
    from podo.cel.library import libraries

    return libraries.KNOWN, libraries.DECLARED


@cache
def _standard() -> Functions:
    known, declared = _libraries()
    return Functions((*known, *declared))


@cache
def _config() -> Any:
    from cel_expr_python import cel

    from podo.cel.library.libraries import REPLACED

    lines = ["name: kubernetes", "stdlib:", "  exclude_functions:"]
    lines.extend(f"    - name: {name}" for name in REPLACED)
    lines.append("extensions:")
    for name, version in _EXTENSIONS.items():
        lines.append(f"  - name: {name}\n    version: {version}")
    return cel.NewEnvConfigFromYaml("\n".join(lines) + "\n")


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


def _declarations(functions: Iterable[Function]) -> list[Any]:
    from cel_expr_python import cel

    by_name: dict[str, list[Any]] = {}
    for one in functions:
        overloads = by_name.setdefault(one.name, [])
        overloads.append(
            cel.Overload(
                f"{one.name}_{len(overloads)}_{'_'.join(one.params)}",
                return_type=cel.Type(one.result),
                parameters=[cel.Type(param) for param in one.params],
                is_member=one.member,
            )
        )
    return [cel.FunctionDecl(name, overloads) for name, overloads in by_name.items()]
