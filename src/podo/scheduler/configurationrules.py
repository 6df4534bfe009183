"""What a KubeSchedulerConfiguration may say: its fields in range, its profiles distinct, the arguments of its plug-ins.

The texts are upstream's. Source: kube-scheduler's validation of kubescheduler.config.k8s.io/v1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from typing import Any

from podo.api.parts.resource_rules import is_extended
from podo.api.rules import Found, check_text, duplicate, forbidden, invalid, not_supported, required
from podo.values.duration import parse_nanos
from podo.values.names import qualified_name

Args = Mapping[str, Any]
_STRATEGIES = ("LeastAllocated", "MostAllocated", "RequestedToCapacityRatio")
_ACTIONS = ("DoNotSchedule", "ScheduleAnyway")
#: Plug-ins of former releases, which no configuration may name.
_GONE = frozenset({"AzureDiskLimits", "CinderLimits", "EBSLimits", "GCEPDLimits"})


def problems(found: Args) -> Found:
    wrong: Found = []
    if (parallelism := _number(found, "parallelism", 16)) <= 0:
        wrong.append(invalid("parallelism", parallelism, "should be an integer value greater than zero"))
    _profiles(found.get("profiles") or [{}], wrong)
    _percentage(found, "percentageOfNodesToScore", wrong)
    first, longest = _number(found, "podInitialBackoffSeconds", 1), _number(found, "podMaxBackoffSeconds", 10)
    if first <= 0:
        wrong.append(invalid("podInitialBackoffSeconds", first, "must be greater than 0"))
    if longest < first:
        why = "must be greater than or equal to PodInitialBackoffSeconds"
        wrong.append(invalid("podMaxBackoffSeconds", longest, why))
    _extenders(found.get("extenders") or (), wrong)
    return wrong


def _number(found: Args, field: str, default: int) -> int:
    value = found.get(field)
    return default if value is None else int(value)


def _percentage(found: Args, path: str, wrong: Found) -> None:
    if not 0 <= (value := _number(found, path.rpartition(".")[2], 0)) <= 100:
        wrong.append(invalid(path, value, "not in valid range [0-100]"))


def _profiles(profiles: list[Args], wrong: Found) -> None:
    seen: dict[str, int] = {}
    for index, profile in enumerate(profiles):
        path, name = f"profiles[{index}]", str(profile.get("schedulerName") or "")
        if not name and len(profiles) > 1:
            wrong.append(required(f"{path}.schedulerName"))
        _percentage(profile, f"{path}.percentageOfNodesToScore", wrong)
        _arguments(path, profile.get("pluginConfig") or (), wrong)
        if name in seen:
            wrong.append(duplicate(f"{path}.schedulerName", f"profiles[{seen[name]}].schedulerName"))
        seen[name] = index


def _arguments(path: str, configured: Iterable[Args], wrong: Found) -> None:
    seen: set[str] = set()
    for index, each in enumerate(configured):
        name, where = each["name"], f"{path}.pluginConfig[{index}]"
        if name in seen:
            wrong.append(duplicate(where, name))
        seen.add(name)
        if name in _GONE:
            wrong.append(
                invalid(where, name, 'was invalid in version "v1" (KubeSchedulerConfiguration is version "v1")')
            )
        elif name in _RULES:
            _RULES[name](f"{where}.args", each.get("args") or {}, wrong)


# Arguments of plug-ins


def _preemption(path: str, args: Args, wrong: Found) -> None:
    share, least = "minCandidateNodesPercentage", "minCandidateNodesAbsolute"
    percent, count = _number(args, share, 10), _number(args, least, 100)
    if not 0 <= percent <= 100:
        wrong.append(invalid(f"{path}.{share}", percent, "not in valid range [0, 100]"))
    if count < 0:
        wrong.append(invalid(f"{path}.{least}", count, "not in valid range [0, inf)"))
    if not percent and not count:
        for one, other in ((share, least), (least, share)):
            wrong.append(invalid(f"{path}.{one}", 0, f"cannot be zero at the same time as {other}"))


def _affinity(path: str, args: Args, wrong: Found) -> None:
    if not 0 <= (weight := _number(args, "hardPodAffinityWeight", 1)) <= 100:
        wrong.append(invalid(f"{path}.hardPodAffinityWeight", weight, "not in valid range [0, 100]"))


def _spread(path: str, args: Args, wrong: Found) -> None:
    kind, constraints = args.get("defaultingType") or "System", args.get("defaultConstraints") or ()
    if kind not in ("System", "List"):
        wrong.append(not_supported(f"{path}.defaultingType", kind, ("System", "List")))
    elif kind == "System" and constraints:
        wrong.append(invalid(f"{path}.defaultingType", kind, "when .defaultConstraints are not empty"))
    seen: set[tuple[str, str]] = set()
    for index, each in enumerate(constraints):
        where = f"{path}.defaultConstraints[{index}]"
        _constraint(where, each, wrong)
        key, action = pair = (str(each.get("topologyKey") or ""), str(each.get("whenUnsatisfiable") or ""))
        if pair in seen:
            wrong.append(duplicate(where, f"{{{key}, {action}}}"))
        seen.add(pair)


def _constraint(path: str, constraint: Args, wrong: Found) -> None:
    if (skew := _number(constraint, "maxSkew", 0)) <= 0:
        wrong.append(invalid(f"{path}.maxSkew", skew, "not in valid range (0, inf)"))
    if not (key := constraint.get("topologyKey")):
        wrong.append(required(f"{path}.topologyKey", "can not be empty"))
    else:
        check_text(f"{path}.topologyKey", key, qualified_name, wrong)
    if not (action := constraint.get("whenUnsatisfiable")):
        wrong.append(required(f"{path}.whenUnsatisfiable", "can not be empty"))
    elif action not in _ACTIONS:
        wrong.append(not_supported(f"{path}.whenUnsatisfiable", action, _ACTIONS))
    if constraint.get("labelSelector") is not None:
        why = "constraint must not define a selector, as they deduced for each pod"
        wrong.append(forbidden(f"{path}.labelSelector", why))


def _fit(path: str, args: Args, wrong: Found) -> None:
    for index, name in enumerate(args.get("ignoredResources") or ()):
        check_text(f"{path}.ignoredResources[{index}]", name, qualified_name, wrong)
    for index, group in enumerate(args.get("ignoredResourceGroups") or ()):
        where = f"{path}.ignoredResourceGroups[{index}]"
        if "/" in group:
            wrong.append(invalid(where, group, "resource group name can't contain '/'"))
        check_text(where, group, qualified_name, wrong)
    strategy, where = args.get("scoringStrategy"), f"{path}.scoringStrategy"
    if strategy is None:
        return
    if (kind := strategy.get("type") or "") not in _STRATEGIES:
        wrong.append(not_supported(f"{where}.type", kind, _STRATEGIES))
    _weights(f"{where}.resources", strategy.get("resources") or (), wrong)
    ratio, where = strategy.get("requestedToCapacityRatio"), f"{where}.requestedToCapacityRatio"
    if kind != "RequestedToCapacityRatio":
        if ratio is not None:
            wrong.append(forbidden(where, "must be nil when type is not RequestedToCapacityRatio"))
    elif ratio is None:
        wrong.append(required(where, "must be specified when type is RequestedToCapacityRatio"))
    else:
        _shape(f"{where}.shape", ratio.get("shape") or (), wrong)


def _weights(path: str, resources: Iterable[Args], wrong: Found) -> None:
    for index, each in enumerate(resources):
        if not 0 < (weight := _number(each, "weight", 0) or 1) <= 100:
            why = f"resource weight of {each.get('name')} not in valid range (0, 100]"
            wrong.append(invalid(f"{path}[{index}].weight", weight, why))


def _shape(path: str, shape: Iterable[Args], wrong: Found) -> None:
    points = [(_number(each, "utilization", 0), _number(each, "score", 0)) for each in shape]
    if not points:
        wrong.append(required(path, "at least one point must be specified"))
    for index, (before, after) in enumerate(pairwise(points), start=1):
        if before[0] >= after[0]:
            why = "values must be sorted in increasing order"
            wrong.append(invalid(f"{path}[{index}].utilization", after[0], why))
            break
    for index, (at, score) in enumerate(points):
        if not 0 <= at <= 100:
            wrong.append(invalid(f"{path}[{index}].utilization", at, "not in valid range [0, 100]"))
        if not 0 <= score <= 10:
            wrong.append(invalid(f"{path}[{index}].score", score, "not in valid range [0, 10]"))


def _balanced(path: str, args: Args, wrong: Found) -> None:
    seen: set[str] = set()
    for index, each in enumerate(args.get("resources") or ()):
        if each["name"] in seen:
            wrong.append(duplicate(f"{path}.resources[{index}].name", each["name"]))
        seen.add(each["name"])
        if (weight := _number(each, "weight", 0) or 1) != 1:
            wrong.append(invalid(f"{path}.resources[{index}].weight", weight, "must be 1"))


def _volumes(path: str, args: Args, wrong: Found) -> None:
    if (seconds := _number(args, "bindTimeoutSeconds", 600)) < 0:
        why = "invalid BindTimeoutSeconds, should not be a negative value"
        wrong.append(invalid(f"{path}.bindTimeoutSeconds", seconds, why))
    if args.get("shape") is not None:
        why = "unexpected field `shape`, remove it or turn on the feature gate StorageCapacityScoring"
        wrong.append(invalid(f"{path}.shape", args["shape"], why))


def _devices(path: str, args: Args, wrong: Found) -> None:
    if (timeout := args.get("bindingTimeout")) is not None and parse_nanos(str(timeout)) < 1e9:
        wrong.append(invalid(f"{path}.bindingTimeout", timeout, "must be at least 1 second"))


_RULES: dict[str, Callable[[str, Args, Found], None]] = {
    "DefaultPreemption": _preemption,
    "DynamicResources": _devices,
    "InterPodAffinity": _affinity,
    "NodeResourcesBalancedAllocation": _balanced,
    "NodeResourcesFit": _fit,
    "PodTopologySpread": _spread,
    "VolumeBinding": _volumes,
}


# Extenders


def _extenders(extenders: Iterable[Args], wrong: Found) -> None:
    binders, managed = 0, set[str]()
    for index, each in enumerate(extenders):
        path = f"extenders[{index}]"
        if each.get("prioritizeVerb") and (weight := _number(each, "weight", 0)) <= 0:
            wrong.append(invalid(f"{path}.weight", weight, "must have a positive weight applied to it"))
        binders += bool(each.get("bindVerb"))
        for place, resource in enumerate(each.get("managedResources") or ()):
            name, where = resource["name"], f"{path}.managedResources[{place}].name"
            before = len(wrong)
            check_text(where, name, qualified_name, wrong)
            if len(wrong) == before and not is_extended(name):
                wrong.append(invalid(where, name, "is an invalid extended resource name"))
            if name in managed:
                wrong.append(invalid(where, name, "duplicate extender managed resource name"))
            managed.add(name)
    if binders > 1:
        shown = f"found {binders} extenders implementing bind"
        wrong.append(invalid("extenders", shown, "only one extender can implement bind"))
