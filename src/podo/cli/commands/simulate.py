"""``podo simulate``: where the pods of a manifest would go, on the nodes of the cluster as it is or on made-up ones.
Nothing is written."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from podo.api.kind import Obj
from podo.cli import cluster_option, observed
from podo.cli.errors import FAILURE, USAGE, CommandFailed
from podo.cli.output.columns import table
from podo.cluster.givenfiles import scheduler_path

if TYPE_CHECKING:
    from podo.scheduler.profile import Profile
    from podo.scheduler.simulate import Outcome
    from podo.scheduler.snapshot import Snapshot

#: Kinds that live in no namespace.
_CLUSTER_WIDE = frozenset({"Node", "Namespace", "PersistentVolume", "StorageClass", "PriorityClass", "CSINode"})
MOST_NODES = 100_000


def arguments(parser: argparse.ArgumentParser) -> None:
    observed.add_options(parser)
    parser.add_argument("-f", "--filename", action="append", required=True, metavar="FILE", help="- for standard input")
    parser.add_argument("-n", "--namespace", default="default", help="of objects that name none (default: default)")
    parser.add_argument(
        "--config",
        metavar="FILE",
        help="a KubeSchedulerConfiguration (default: the cluster's, if it is of this machine)",
    )
    parser.add_argument("--nodes", type=int, metavar="N", help="N made-up, empty nodes instead of the cluster's")
    parser.add_argument("--node-cpu", default="4", help="of each made-up node (default: %(default)s)")
    parser.add_argument("--node-memory", default="16Gi", help="(default: %(default)s)")
    parser.add_argument("--node-pods", default="110", help="(default: %(default)s)")
    parser.add_argument("--zones", type=int, default=1, help="zones of the made-up nodes (default: %(default)s)")
    parser.add_argument("-o", "--output", choices=["text", "json"], default="text")


def run(options: argparse.Namespace) -> None:
    from podo.scheduler.simulate import CannotSimulate, simulate

    profiles = _profiles(options)
    objects = [_placed_in(obj, options.namespace) for name in options.filename for obj in _read(name)]
    snapshot, priorities = _made_up(options) if options.nodes is not None else _live(options)
    try:
        outcomes = simulate(objects, snapshot, priorities, profiles)
    except (CannotSimulate, KeyError, TypeError, AttributeError, ValueError) as problem:
        why = str(problem) if isinstance(problem, CannotSimulate) else f"not a manifest that can be tried: {problem!r}"
        raise CommandFailed(FAILURE, why) from problem
    if options.output == "json":
        print(json.dumps([_document(each) for each in outcomes], indent=2))
    else:
        _print(outcomes)
    if any(not each.node_name for each in outcomes):
        raise CommandFailed(
            FAILURE, f"{sum(not each.node_name for each in outcomes)} of {len(outcomes)} pods do not fit"
        )


def _profiles(options: argparse.Namespace) -> tuple[Profile, ...]:
    """Those of ``--config``, or of the cluster that is asked; none where there is nothing but the default."""
    from podo.scheduler.configuration import ConfigurationProblem, parse

    path = Path(options.config) if options.config else _given_to_the_cluster(options)
    if path is None:
        return ()
    try:
        return parse(path.read_bytes(), str(path)).profiles
    except OSError as failure:
        raise CommandFailed(USAGE, f"{path}: {failure.strerror}") from failure
    except ConfigurationProblem as problem:
        raise CommandFailed(USAGE, str(problem)) from problem


def _given_to_the_cluster(options: argparse.Namespace) -> Path | None:
    if options.nodes is not None or options.kubeconfig:
        return None
    path = scheduler_path(cluster_option.running(options))
    return path if path.exists() else None


def _read(name: str) -> Iterator[Obj]:
    import yaml

    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
        for document in yaml.safe_load_all(text):
            if document is not None:
                yield from _objects(document, name)
    except OSError as failure:
        raise CommandFailed(USAGE, f"{name}: {failure.strerror}") from failure
    except (yaml.YAMLError, UnicodeDecodeError) as failure:
        raise CommandFailed(USAGE, f"{name} is not YAML") from failure


def _objects(document: object, name: str) -> Iterator[Obj]:
    if not isinstance(document, dict) or not isinstance(document.get("kind"), str):
        raise CommandFailed(USAGE, f"{name} holds something without a kind")
    if document["kind"].endswith("List") and isinstance(document.get("items"), list):
        for each in document["items"]:
            yield from _objects(each, name)
        return
    if not isinstance(document.get("metadata"), dict):
        raise CommandFailed(USAGE, f"{name}: a {document['kind']} has no metadata")
    yield document


def _placed_in(obj: Obj, namespace: str) -> Obj:
    if obj["kind"] not in _CLUSTER_WIDE:
        obj["metadata"].setdefault("namespace", namespace)
    return obj


def _made_up(options: argparse.Namespace) -> tuple[Snapshot, dict[str, int]]:
    from podo.scheduler.picture import snapshot_of
    from podo.scheduler.simulate import made_up_nodes
    from podo.values.quantity import QuantityError, parse

    if not 0 <= options.nodes <= MOST_NODES:
        raise CommandFailed(USAGE, f"--nodes must be from 0 to {MOST_NODES}")
    amounts = {"cpu": options.node_cpu, "memory": options.node_memory, "pods": options.node_pods}
    try:
        for text in amounts.values():
            parse(text)
    except QuantityError as problem:
        raise CommandFailed(USAGE, str(problem)) from problem
    amounts["ephemeral-storage"] = "100Gi"
    return snapshot_of(made_up_nodes(options.nodes, amounts, options.zones)), {}


def _live(options: argparse.Namespace) -> tuple[Snapshot, dict[str, int]]:
    from podo.scheduler.follow import KINDS
    from podo.scheduler.picture import snapshot_of
    from podo.scheduler.simulate import priorities_of

    picture = observed.observe(options, (*KINDS, "PriorityClass"))
    snapshot = snapshot_of(each for objects in picture.objects.values() for each in objects)
    return snapshot, priorities_of(picture.all("PriorityClass"))


def _document(outcome: Outcome) -> dict[str, object]:
    found = {"pod": outcome.pod, "node": outcome.node_name, "message": outcome.message}
    return {**found, "preempted": list(outcome.preempted)}


def _print(outcomes: list[Outcome]) -> None:
    print(table(("POD", "NODE", "WHY"), [(o.pod, o.node_name or "<none>", _why(o)) for o in outcomes]))
    counts = Counter(outcome.node_name for outcome in outcomes if outcome.node_name)
    if len(counts) > 1:
        listed = ", ".join(f"{name} {count}" for name, count in sorted(counts.items())[:20])
        print(f"\n{sum(counts.values())} pods on {len(counts)} nodes: {listed}{', …' if len(counts) > 20 else ''}")


def _why(outcome: Outcome) -> str:
    return f"preempts {', '.join(outcome.preempted)}" if outcome.preempted else outcome.message
