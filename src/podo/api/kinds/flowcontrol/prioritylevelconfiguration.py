"""PriorityLevelConfiguration (flowcontrol.apiserver.k8s.io/v1): how many requests of a level run, and how the others
wait."""

from __future__ import annotations

from functools import lru_cache
from math import ceil, log2
from typing import Any

from podo.api.columns import AGE, NAME, column
from podo.api.kind import Kind, Obj
from podo.api.kinds.flowcontrol import defaults
from podo.api.kinds.flowcontrol.flowschema import GROUP
from podo.api.parts.condition_rules import type_problems
from podo.api.rules import Found, forbidden, invalid, not_supported, required

_TYPES = ("Exempt", "Limited")
_RESPONSES = ("Queue", "Reject")
_LIMITED = {"nominalConcurrencyShares": 30, "lendablePercent": 0}
_EXEMPT = {"nominalConcurrencyShares": 0, "lendablePercent": 0}
_QUEUING = {"queues": 64, "handSize": 8, "queueLengthLimit": 50}
_QUEUES_MAX, _HASH_BITS = 10_000_000, 60


def _fill_in(level: Obj) -> None:
    spec = level["spec"] = level.get("spec") or {}
    if spec.get("type") == "Exempt":
        spec["exempt"] = _with(spec.get("exempt") or {}, _EXEMPT)
    elif (limited := spec.get("limited")) is not None:
        _with(limited, _LIMITED)
        queuing = (limited.get("limitResponse") or {}).get("queuing")
        if queuing is not None:
            _with(queuing, _QUEUING)


def _with(fields: dict[str, Any], defaults: dict[str, int]) -> dict[str, Any]:
    for name, value in defaults.items():
        if fields.get(name) is None or (defaults is _QUEUING and not fields[name]):
            fields[name] = value
    return fields


def _problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    spec = new.get("spec") or {}
    kind, limited, exempt = spec.get("type") or "", spec.get("limited"), spec.get("exempt")
    name = new["metadata"].get("name") or ""
    if (name == defaults.EXEMPT) != (kind == "Exempt"):
        found.append(invalid("spec.type", kind, "type must be 'Exempt' if and only if name is 'exempt'"))
    if kind == "Exempt":
        if limited is not None:
            found.append(forbidden("spec.limited", "must be nil if the type is not Limited"))
        _check_shares(exempt or {}, "spec.exempt", found)
    elif kind == "Limited":
        if exempt is not None:
            found.append(forbidden("spec.exempt", "must be nil if the type is Limited"))
        if limited is None:
            found.append(required("spec.limited", "must not be empty when type is Limited"))
        else:
            _check_limited(limited, "spec.limited", found)
    else:
        found.append(not_supported("spec.type", kind, _TYPES))
    _check_mandatory(name, spec, found)
    return found


def _check_mandatory(name: str, spec: Obj, found: Found) -> None:
    """Of the two mandatory levels only the shares of the exempt one are an administrator's."""
    if name == defaults.CATCH_ALL and spec != _fixed(name):
        found.append(invalid("spec", "{...}", f"spec of '{name}' must equal the fixed value"))
    elif name == defaults.EXEMPT and {**spec, "exempt": {}} != {**_fixed(name), "exempt": {}}:
        why = f"spec of '{name}' except the 'spec.exempt' field must equal the fixed value"
        found.append(invalid("spec", "{...}", why))


@lru_cache(maxsize=2)
def _fixed(name: str) -> Obj:
    spec: Obj = next(obj["spec"] for obj in defaults.priority_levels() if obj["metadata"]["name"] == name)
    return spec


def _check_shares(fields: dict[str, Any], path: str, found: Found) -> None:
    shares, borrowed = fields.get("nominalConcurrencyShares"), fields.get("borrowingLimitPercent")
    if shares is not None and shares < 0:
        found.append(invalid(f"{path}.nominalConcurrencyShares", shares, "must be a non-negative integer"))
    if borrowed is not None and borrowed < 0:
        why = "if specified, must be a non-negative integer"
        found.append(invalid(f"{path}.borrowingLimitPercent", borrowed, why))
    lendable = fields.get("lendablePercent")
    if lendable is not None and not 0 <= lendable <= 100:
        found.append(invalid(f"{path}.lendablePercent", lendable, "must be between 0 and 100, inclusive"))


def _check_limited(limited: dict[str, Any], path: str, found: Found) -> None:
    _check_shares(limited, path, found)
    response = limited.get("limitResponse") or {}
    kind, queuing = response.get("type") or "", response.get("queuing")
    where = f"{path}.limitResponse"
    if kind not in _RESPONSES:
        found.append(not_supported(f"{where}.type", kind, _RESPONSES))
    elif kind == "Reject" and queuing is not None:
        found.append(forbidden(f"{where}.queuing", "must be nil if limited.limitResponse.type is not Limited"))
    elif kind == "Queue":
        if queuing is None:
            found.append(required(f"{where}.queuing", "must not be empty if limited.limitResponse.type is Limited"))
        else:
            _check_queuing(queuing, f"{where}.queuing", found)


def _check_queuing(queuing: dict[str, Any], path: str, found: Found) -> None:
    queues, hand = queuing.get("queues") or 0, queuing.get("handSize") or 0
    if (length := queuing.get("queueLengthLimit") or 0) <= 0:
        found.append(invalid(f"{path}.queueLengthLimit", length, "must be positive"))
    if queues <= 0:
        found.append(invalid(f"{path}.queues", queues, "must be positive"))
    elif queues > _QUEUES_MAX:
        found.append(invalid(f"{path}.queues", queues, f"must not be greater than {_QUEUES_MAX}"))
    if why := _wrong_hand(hand, queues):
        found.append(invalid(f"{path}.handSize", hand, why))


def _wrong_hand(hand: int, queues: int) -> str:
    """A hand is dealt by a hash, of which each card takes as many bits as tell the queues apart."""
    if hand <= 0:
        return "must be positive"
    if hand > queues:
        return f"should not be greater than queues ({queues})"
    if ceil(log2(queues) * hand) > _HASH_BITS:
        return f"required entropy bits of deckSize {queues} and handSize {hand} should not be greater than {_HASH_BITS}"
    return ""


def _limited(level: Obj, field: str) -> str:
    value = ((level.get("spec") or {}).get("limited") or {}).get(field)
    return "<none>" if value is None else str(value)


def _queuing(field: str) -> Any:
    def read(level: Obj) -> str:
        response = ((level.get("spec") or {}).get("limited") or {}).get("limitResponse") or {}
        return str((response.get("queuing") or {}).get(field) or "<none>")

    return read


PRIORITYLEVELCONFIGURATION = Kind(
    group=GROUP,
    version="v1",
    kind="PriorityLevelConfiguration",
    plural="prioritylevelconfigurations",
    singular="prioritylevelconfiguration",
    namespaced=False,
    fill_in=_fill_in,
    problems=_problems,
    status_problems=type_problems,
    columns=(
        NAME,
        column("Type", lambda level: (level.get("spec") or {}).get("type") or ""),
        column("NominalConcurrencyShares", lambda level: _limited(level, "nominalConcurrencyShares")),
        column("Queues", _queuing("queues")),
        column("HandSize", _queuing("handSize")),
        column("QueueLengthLimit", _queuing("queueLengthLimit")),
        AGE,
    ),
    subresources=frozenset({"status"}),
    generation=True,
)
