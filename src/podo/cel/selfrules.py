"""The environment of rules about one value of a known schema (``x-kubernetes-validations``): ``self`` and ``oldSelf``.

::

    rules = schema_rules(schema, root=True)          # once a schema node
    program = rules.compile("self.min <= self.max")  # CompileError
    program.evaluate(rules.variables(new, old), budget)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from podo.cel.converting import Convert, converter
from podo.cel.declared import DYN, Declared, from_openapi
from podo.cel.environment import Environment
from podo.cel.messages import Messages
from podo.cel.program import Program, compile
from podo.cel.values import NONE, Optional

_TYPE = "selfType"


@dataclass(frozen=True, slots=True)
class SchemaRules:
    """``optional_old``: oldSelf is an optional (``optionalOldSelf: true``), none when there is no former value."""

    declared: Declared
    environment: Environment
    optional_old: bool
    _convert: Convert | None

    def compile(self, expression: str) -> Program:
        """Raises CompileError. Whether it is a transition rule: ``"oldSelf" in program.variables``."""
        return compile(expression, self.environment)

    def to_cel(self, value: Any) -> Any:
        """The value as expressions see it."""
        return value if self._convert is None else self._convert(value)

    def variables(self, new: Any, old: Any = None, *, has_old: bool = False) -> Mapping[str, Any]:
        """For ``Program.evaluate``. ``has_old``: there is a former value (which may be null)."""
        found = {"self": self.to_cel(new)}
        if self.optional_old:
            found["oldSelf"] = Optional(True, self.to_cel(old)) if has_old else NONE
        elif has_old:
            found["oldSelf"] = self.to_cel(old)
        return found


def schema_rules(schema: Mapping[str, Any], *, root: bool = False, optional_old: bool = False) -> SchemaRules:
    """``schema``: structural, in wire form. ``root``: it is that of a whole resource."""
    return declared_rules(from_openapi(schema, root=root) or DYN, optional_old=optional_old)


def declared_rules(declared: Declared, *, optional_old: bool = False) -> SchemaRules:
    messages = Messages()
    kind = messages.type_of(declared, _TYPE)
    variables = {"self": kind, "oldSelf": f"optional_type<{kind}>" if optional_old else kind}
    environment = Environment(variables, (messages.descriptor,))
    return SchemaRules(declared, environment, optional_old, converter(declared))
