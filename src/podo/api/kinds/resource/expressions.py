"""CEL expressions of device selectors: what they see of a device, what they must evaluate to, and what they may cost.

Source: API reference CELDeviceSelector.
"""

from __future__ import annotations

from functools import cache, lru_cache

from podo.cel.declared import DYN, STRING, Declared
from podo.cel.environment import Environment
from podo.cel.estimating import estimate
from podo.cel.messages import Messages
from podo.cel.program import CompileError, Program, compile

#: The most that one expression may cost for one device, estimated and measured.
COST_LIMIT = 1_000_000
#: The longest expression, in bytes.
LENGTH_MAX = 10 * 1024
#: Attributes and capacities of a device at most, and the longest name and text of one.
_ATTRIBUTES_MAX, _TEXT_MAX = 32, 64


def _device(value: Declared) -> Declared:
    by_name = Declared("map", item=Declared("map", item=value, most=_ATTRIBUTES_MAX), most=_ATTRIBUTES_MAX)
    return Declared(
        "object",
        {
            "driver": STRING,
            "attributes": by_name,
            "capacity": by_name,
            "allowMultipleAllocations": Declared("bool"),
        },
    )


_DEVICE = _device(DYN)
#: The same as it can be at most: what a value is stands in the device, but none is longer than a text.
_LARGEST = _device(Declared("string", most=_TEXT_MAX))


@cache
def _environment() -> Environment:
    messages = Messages()
    kind = messages.type_of(_DEVICE, "DRADevice")
    return Environment({"device": kind}, (messages.descriptor,))


@lru_cache(maxsize=1024)
def checked(expression: str) -> Program:
    """The program of a selector. Raises CompileError in the words of the API."""
    try:
        program = compile(expression, _environment())
    except CompileError as problem:
        raise CompileError(f"compilation failed: {problem}") from None
    if program.result not in ("bool", "dyn"):
        raise CompileError(f"must evaluate to bool or the unknown type, not {program.result}")
    return program


def too_costly(program: Program) -> bool:
    """May it cost more for some device than it may?"""
    return estimate(program, {"device": _LARGEST}) > COST_LIMIT
