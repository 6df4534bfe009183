"""How fast a number of replicas may follow what the metrics ask for: stabilization windows, rates, least and most.

Pure but for the Memory that is handed in. Source: the documentation's "Horizontal Pod Autoscaling", "Configurable
scaling behavior"; KEP-853.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Rules = Mapping[str, Any]

#: How far back recommendations count before replicas are taken away, where the autoscaler does not say.
DOWN_WINDOW_SECONDS = 300
#: The longest window and the longest period of a policy.
LONGEST_SECONDS = 3600
#: Growth of an autoscaler that says nothing of its behaviour: double in fifteen seconds, four at least. (``Total``: so
#: many replicas; no autoscaler can ask for that.)
UNSAID_UP: Rules = {
    "selectPolicy": "Max",
    "policies": [
        {"type": "Percent", "value": 100, "periodSeconds": 15},
        {"type": "Total", "value": 4, "periodSeconds": 15},
    ],
}
#: What a behaviour is where it leaves a direction out.
DEFAULT_UP: Rules = {
    "stabilizationWindowSeconds": 0,
    "selectPolicy": "Max",
    "policies": [
        {"type": "Pods", "value": 4, "periodSeconds": 15},
        {"type": "Percent", "value": 100, "periodSeconds": 15},
    ],
}
DEFAULT_DOWN: Rules = {
    "selectPolicy": "Max",
    "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}],
}


@dataclass(slots=True)
class Memory:
    """What was recommended and what was done, as (seconds, number). Lost at a restart, as upstream's."""

    recommendations: list[tuple[float, int]] = field(default_factory=list)
    ups: list[tuple[float, int]] = field(default_factory=list)  # replicas added
    downs: list[tuple[float, int]] = field(default_factory=list)  # replicas taken away
    has_begun: bool = False

    def begin(self, now: float, current: int) -> None:
        """The size that is found counts as recommended: nothing shrinks before a window has passed."""
        if not self.has_begun:
            self.has_begun = True
            self.recommendations.append((now, current))

    def forget(self, now: float) -> None:
        """Drop what no window reaches."""
        for name in ("recommendations", "ups", "downs"):
            kept = [(at, number) for at, number in getattr(self, name) if at > now - LONGEST_SECONDS]
            setattr(self, name, kept)

    def scaled(self, now: float, before: int, after: int) -> None:
        if after > before:
            self.ups.append((now, after - before))
        elif after < before:
            self.downs.append((now, before - after))


class Bounded(NamedTuple):
    """A number of replicas and why it is that one: reasons and messages of the conditions AbleToScale and
    ScalingLimited."""

    replicas: int
    able: tuple[str, str]
    limited: bool
    limit: tuple[str, str]


READY = ("ReadyForNewScale", "recommended size matches current size")
HELD_UP = (
    "ScaleUpStabilized",
    "recent recommendations were lower than current one, applying the lowest recent recommendation",
)
HELD_DOWN = (
    "ScaleDownStabilized",
    "recent recommendations were higher than current one, applying the highest recent recommendation",
)
WITHIN = ("DesiredWithinRange", "the desired count is within the acceptable range")
TOO_FEW = ("TooFewReplicas", "the desired replica count is less than the minimum replica count")
TOO_MANY = ("TooManyReplicas", "the desired replica count is more than the maximum replica count")
TOO_FAST_UP = ("ScaleUpLimit", "the desired replica count is increasing faster than the maximum scale rate")
TOO_FAST_DOWN = ("ScaleDownLimit", "the desired replica count is decreasing faster than the maximum scale rate")


def rules_of(spec: Mapping[str, Any], direction: str) -> Rules:
    """``scaleUp`` or ``scaleDown`` of an autoscaler, or the default."""
    found = (spec.get("behavior") or {}).get(direction)
    if direction == "scaleDown":
        return found or DEFAULT_DOWN
    return found or (DEFAULT_UP if spec.get("behavior") else UNSAID_UP)


def bounded(spec: Mapping[str, Any], memory: Memory, current: int, wanted: int, now: float) -> Bounded:
    """What ``wanted`` becomes. ``spec`` is the autoscaler's; ``wanted`` goes into the memory."""
    up, down = rules_of(spec, "scaleUp"), rules_of(spec, "scaleDown")
    held = _stabilized(memory, current, wanted, up, down, now)
    memory.recommendations.append((now, wanted))
    able = READY if held == wanted else (HELD_UP if wanted > current else HELD_DOWN)
    least, most = int(spec.get("minReplicas") or 1), int(spec["maxReplicas"])
    if held > current:
        fastest = max(current, _most(memory, current, up, now))
        return _at_most(held, able, fastest, most)
    if held < current:
        slowest = min(current, _least(memory, current, down, now))
        return _at_least(held, able, slowest, least)
    return Bounded(held, able, False, WITHIN)


def _stabilized(memory: Memory, current: int, wanted: int, up: Rules, down: Rules, now: float) -> int:
    """Up only as far as all recommendations of the window agree; down likewise."""
    rise = min([wanted, *_since(memory.recommendations, now - _window(up, 0))])
    fall = max([wanted, *_since(memory.recommendations, now - _window(down, DOWN_WINDOW_SECONDS))])
    return min(max(current, rise), fall)


def _window(rules: Rules, default: int) -> int:
    found = rules.get("stabilizationWindowSeconds")
    return default if found is None else int(found)


def _since(entries: Iterable[tuple[float, int]], start: float) -> list[int]:
    return [number for at, number in entries if at > start]


def _at_most(wanted: int, able: tuple[str, str], fastest: int, most: int) -> Bounded:
    limit, why = (fastest, TOO_FAST_UP) if most > fastest else (most, TOO_MANY)
    return Bounded(limit, able, True, why) if wanted > limit else Bounded(wanted, able, False, WITHIN)


def _at_least(wanted: int, able: tuple[str, str], slowest: int, least: int) -> Bounded:
    limit, why = (slowest, TOO_FAST_DOWN) if least < slowest else (least, TOO_FEW)
    return Bounded(limit, able, True, why) if wanted < limit else Bounded(wanted, able, False, WITHIN)


def _most(memory: Memory, current: int, rules: Rules, now: float) -> int:
    """The most replicas that the policies for growth allow."""
    choose = min if rules.get("selectPolicy") == "Min" else max
    return choose(_allowed(memory, current, rules, now, 1), default=current)


def _least(memory: Memory, current: int, rules: Rules, now: float) -> int:
    """The fewest replicas that the policies for shrinking allow."""
    choose = max if rules.get("selectPolicy") == "Min" else min  # "Min": the smaller change
    return choose(_allowed(memory, current, rules, now, -1), default=current)


def _allowed(memory: Memory, current: int, rules: Rules, now: float, sign: int) -> list[int]:
    """The number that each policy allows; ``sign``: 1 for growth, -1 for shrinking."""
    if rules.get("selectPolicy") == "Disabled":
        return [current]
    policies = rules.get("policies") or ()
    return [_of_policy(policy, _at_start(memory, current, now - policy["periodSeconds"]), sign) for policy in policies]


def _of_policy(policy: Rules, start: int, sign: int) -> int:
    value = sign * int(policy["value"])
    match policy["type"]:
        case "Pods":
            return start + value
        case "Total":
            return value
    return (math.ceil if sign > 0 else int)(start * (1 + value / 100))


def _at_start(memory: Memory, current: int, start: float) -> int:
    """How many replicas there were when a policy's period began."""
    return current - sum(_since(memory.ups, start)) + sum(_since(memory.downs, start))
