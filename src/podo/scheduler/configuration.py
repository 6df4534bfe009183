"""KubeSchedulerConfiguration: the profiles, their plug-ins with weights and arguments, and the extenders.

Source: "kube-scheduler Configuration (v1)" and "Scheduler Configuration" of the documentation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from podo.scheduler.configurationrules import problems
from podo.scheduler.defaultspread import SYSTEM_DEFAULTS
from podo.scheduler.plugins.balancedallocation import BalancedAllocation
from podo.scheduler.plugins.interpodaffinity import InterPodAffinity
from podo.scheduler.plugins.nodeaffinity import NodeAffinity
from podo.scheduler.plugins.noderesourcesfit import NodeResourcesFit
from podo.scheduler.plugins.podtopologyspread import PodTopologySpread
from podo.scheduler.profile import (
    DEFAULT_NAME,
    FACTORIES,
    PREEMPTION,
    WEIGHTS,
    Candidates,
    Patience,
    Profile,
    assembled,
)
from podo.scheduler.strategies import DEFAULT_RESOURCES, Strategy, by_curve, least_allocated, most_allocated
from podo.values.duration import parse_nanos

API_VERSION, KIND = "kubescheduler.config.k8s.io/v1", "KubeSchedulerConfiguration"
#: Plug-ins that every profile may name and that are always there: they have nothing to choose.
_FIXED = frozenset({"SchedulingGates", "PrioritySort", "DefaultBinder"})
#: Extension points at which a plug-in may be switched off or on here.
_POINTS = ("multiPoint", "preFilter", "filter", "postFilter", "preScore", "score")
_FILTERS, _SCORES = frozenset({"multiPoint", "preFilter", "filter"}), frozenset({"multiPoint", "preScore", "score"})

Args = Mapping[str, Any]
#: How long a request to an extender may take, where its httpTimeout is not given.
EXTENDER_SECONDS = 5.0


class ConfigurationProblem(ValueError):
    """The configuration cannot be used; the message says where and why."""


@dataclass(frozen=True, slots=True)
class ExtenderSettings:
    """One webhook of the scheduler; verbs that are empty are not called. ``resources``: only pods that ask for one of
    these concern it; none: all do."""

    url_prefix: str
    filter_verb: str = ""
    prioritize_verb: str = ""
    bind_verb: str = ""
    preempt_verb: str = ""
    weight: int = 1
    seconds: float = EXTENDER_SECONDS
    names_only: bool = False
    ignorable: bool = False
    resources: frozenset[str] = frozenset()
    ignored_resources: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Configuration:
    profiles: tuple[Profile, ...]
    extenders: tuple[ExtenderSettings, ...] = ()
    first_backoff: float = 1.0
    longest_backoff: float = 10.0


def parse(document: bytes | str, where: str = "scheduler configuration") -> Configuration:
    """From YAML or JSON. Raises ConfigurationProblem."""
    import yaml

    try:
        found = yaml.safe_load(document)
    except yaml.YAMLError:
        raise ConfigurationProblem(f"{where} is not YAML") from None
    if not isinstance(found, dict) or (found.get("apiVersion"), found.get("kind")) != (API_VERSION, KIND):
        raise ConfigurationProblem(f"{where}: must be {API_VERSION}, kind {KIND}")
    try:
        if wrong := list(dict.fromkeys(map(str, problems(found)))):
            raise ConfigurationProblem(wrong[0] if len(wrong) == 1 else f"[{', '.join(wrong)}]")
        return read(found)
    except ConfigurationProblem as problem:
        raise ConfigurationProblem(f"{where}: {problem}") from None
    except (TypeError, AttributeError, KeyError, ValueError) as problem:
        raise ConfigurationProblem(f"{where}: not of the right form: {problem}") from None


def read(found: Args) -> Configuration:
    """Of a document without problems."""
    extenders = tuple(_extender(each, index) for index, each in enumerate(found.get("extenders") or ()))
    ignored = frozenset(name for each in extenders for name in each.ignored_resources)
    listed = found.get("profiles") or [{"schedulerName": DEFAULT_NAME}]
    profiles = tuple(_profile(each, index, ignored) for index, each in enumerate(listed))
    first = float(found.get("podInitialBackoffSeconds") or 1)
    longest = float(found.get("podMaxBackoffSeconds") or 10)
    return Configuration(profiles, extenders, first, longest)


def _profile(found: Args, index: int, ignored: frozenset[str]) -> Profile:
    where = f"profiles[{index}]"
    args: dict[str, Args] = {each["name"]: each.get("args") or {} for each in found.get("pluginConfig") or ()}
    for point in found.get("plugins") or {}:
        for each in _named(found, point):
            if each["name"] not in FACTORIES.keys() | _FIXED | {"*", PREEMPTION}:
                raise ConfigurationProblem(f"{where}.plugins.{point}: no plug-in named {each['name']!r}")
    made = {name: _MAKERS[name](args.get(name, {})) if name in _MAKERS else make() for name, make in FACTORIES.items()}
    if ignored and "NodeResourcesFit" in made:
        made["NodeResourcesFit"] = _fit(args.get("NodeResourcesFit", {}), ignored)
    filters = _chosen(found, frozenset(made), _FILTERS)
    scores = _chosen(found, frozenset(WEIGHTS), _SCORES)
    preempts = PREEMPTION in _chosen(found, frozenset({PREEMPTION}), frozenset({"multiPoint", "postFilter"}))
    weights = {**WEIGHTS, **dict(_weights(found))}
    name = str(found.get("schedulerName") or DEFAULT_NAME)
    scoring = {each: weights[each] for each in WEIGHTS if each in scores}
    candidates = _candidates(args.get(PREEMPTION, {}))
    chosen = assembled(name, made, filters, scoring, candidates if preempts else None)
    return replace(chosen, patience=_patience(args))


def _patience(args: Mapping[str, Args]) -> Patience:
    seconds = args.get("VolumeBinding", {}).get("bindTimeoutSeconds")
    timeout = args.get("DynamicResources", {}).get("bindingTimeout")
    volumes = {} if seconds is None else {"volumes": float(seconds)}
    return Patience(**volumes, **({} if timeout is None else {"devices": parse_nanos(str(timeout)) / 1e9}))


def _named(found: Args, point: str) -> Iterator[Args]:
    chosen = (found.get("plugins") or {}).get(point) or {}
    yield from chosen.get("enabled") or ()
    yield from chosen.get("disabled") or ()


def _chosen(found: Args, all_: frozenset[str], points: frozenset[str]) -> frozenset[str]:
    """Of the plug-ins that are on by default, those that no point here switches off, or one switches on again."""
    on = set(all_)
    for point in _POINTS:
        chosen = (found.get("plugins") or {}).get(point) or {}
        if point in points:
            off = {each["name"] for each in chosen.get("disabled") or ()}
            on = set() if "*" in off else on - off
            on |= {each["name"] for each in chosen.get("enabled") or ()} & all_
    return frozenset(on)


def _weights(found: Args) -> Iterator[tuple[str, int]]:
    for point in ("multiPoint", "score"):
        for each in ((found.get("plugins") or {}).get(point) or {}).get("enabled") or ():
            if each.get("weight"):
                yield each["name"], int(each["weight"])


# Arguments of plug-ins


def _fit(args: Args, ignored: frozenset[str] = frozenset()) -> NodeResourcesFit:
    groups = frozenset(args.get("ignoredResourceGroups") or ())
    return NodeResourcesFit(_strategy(args), ignored | frozenset(args.get("ignoredResources") or ()), groups)


def _strategy(args: Args) -> Strategy:
    found = args.get("scoringStrategy") or {}
    kind = found.get("type") or "LeastAllocated"
    listed = tuple((each["name"], int(each.get("weight") or 1)) for each in found.get("resources") or ())
    resources = listed or DEFAULT_RESOURCES
    if kind == "LeastAllocated":
        return Strategy(least_allocated, resources)
    if kind == "MostAllocated":
        return Strategy(most_allocated, resources)
    points = (found.get("requestedToCapacityRatio") or {}).get("shape") or ()
    shape = [(int(point["utilization"]), int(point["score"])) for point in points]
    return Strategy(by_curve(shape), resources, only_positive=True)


def _pods(args: Args) -> InterPodAffinity:
    weight = args.get("hardPodAffinityWeight")
    return InterPodAffinity(1 if weight is None else int(weight), bool(args.get("ignorePreferredTermsOfExistingPods")))


def _spread(args: Args) -> PodTopologySpread:
    if (args.get("defaultingType") or "System") == "System":
        return PodTopologySpread(SYSTEM_DEFAULTS)
    return PodTopologySpread(
        tuple(
            (each["topologyKey"], int(each["maxSkew"]), each["whenUnsatisfiable"] == "DoNotSchedule")
            for each in args.get("defaultConstraints") or ()
        )
    )


def _balanced(args: Args) -> BalancedAllocation:
    return BalancedAllocation(tuple(each["name"] for each in args.get("resources") or ()) or ("cpu", "memory"))


def _candidates(args: Args) -> Candidates:
    percent, least = args.get("minCandidateNodesPercentage"), args.get("minCandidateNodesAbsolute")
    return Candidates(10 if percent is None else int(percent), 100 if least is None else int(least))


_MAKERS: dict[str, Callable[[Args], Any]] = {
    "NodeResourcesFit": _fit,
    "NodeResourcesBalancedAllocation": _balanced,
    "InterPodAffinity": _pods,
    "PodTopologySpread": _spread,
    "NodeAffinity": lambda args: NodeAffinity(args.get("addedAffinity")),
}


# Extenders


def _extender(found: Args, index: int) -> ExtenderSettings:
    where, url = f"extenders[{index}]", str(found.get("urlPrefix") or "")
    if not url.startswith(("http://", "https://")):
        raise ConfigurationProblem(f"{where}.urlPrefix must be the URL of a server")
    weight = int(found.get("weight") or 0)
    managed = found.get("managedResources") or ()
    return ExtenderSettings(
        url.rstrip("/"),
        str(found.get("filterVerb") or ""),
        str(found.get("prioritizeVerb") or ""),
        str(found.get("bindVerb") or ""),
        str(found.get("preemptVerb") or ""),
        weight,
        _seconds(found.get("httpTimeout")),
        bool(found.get("nodeCacheCapable")),
        bool(found.get("ignorable")),
        frozenset(each["name"] for each in managed),
        frozenset(each["name"] for each in managed if each.get("ignoredByScheduler")),
    )


def _seconds(text: object) -> float:
    """A duration as Go writes it; nothing, and 0, are the default."""
    return (parse_nanos(str(text)) if text else 0) / 1e9 or EXTENDER_SECONDS
