"""``podo why``: why a pod waits, or a workload or claim is not as wanted, down to the root cause."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from podo.api.kind import Obj
from podo.cli import observed
from podo.cli.errors import NOT_FOUND, USAGE, CommandFailed
from podo.cluster.why import chain
from podo.cluster.why.finding import Finding, Picture

if TYPE_CHECKING:
    from podo.scheduler.snapshot import Snapshot

_SHORT = {
    "po": "Pod",
    "deploy": "Deployment",
    "rs": "ReplicaSet",
    "sts": "StatefulSet",
    "ds": "DaemonSet",
    "cj": "CronJob",
    "rc": "ReplicationController",
    "pvc": "PersistentVolumeClaim",
    "no": "Node",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    observed.add_options(parser)
    parser.add_argument("what", nargs="+", metavar="[KIND] NAME", help="pod, deploy, job, pvc and others; default: pod")
    parser.add_argument("-n", "--namespace", default="default", help="(default: %(default)s)")
    parser.add_argument("-o", "--output", choices=["text", "json"], default="text")


def run(options: argparse.Namespace) -> None:
    kind, name = asked(options.what)
    picture = observed.observe(options, chain.KINDS)
    obj = picture.get(kind, "" if kind == "Node" else options.namespace, name)
    if obj is None:
        raise CommandFailed(NOT_FOUND, f"no {kind} {name} in namespace {options.namespace}", "-n NAMESPACE")
    found = finding(obj, picture)
    print(json.dumps(found.document(), indent=2) if options.output == "json" else "\n".join(found.lines()))


def asked(words: list[str]) -> tuple[str, str]:
    """``web``, ``pod web``, ``deploy/web``: kind and name."""
    words = words[0].split("/", 1) if len(words) == 1 else words
    if len(words) == 1:
        return "Pod", words[0]
    if len(words) == 2:
        kinds = {kind.lower(): kind for kind in chain.ASKED} | {f"{kind.lower()}s": kind for kind in chain.ASKED}
        if (kind := (kinds | _SHORT).get(words[0].lower())) is not None:
            return kind, words[1]
    raise CommandFailed(
        USAGE, f"cannot tell why of {' '.join(words)!r}", f"podo why KIND NAME: {', '.join(chain.ASKED)}"
    )


def finding(obj: Obj, picture: Picture) -> Finding:
    """``obj`` followed to the cause; pods without a node are decided for again."""
    snapshots: list[Snapshot] = []  # made once it is needed

    def place(pod: Obj) -> Iterator[str]:
        from podo.scheduler import explain
        from podo.scheduler.picture import snapshot_of

        if not snapshots:
            snapshots.append(snapshot_of(each for kind in picture.objects.values() for each in kind))
        yield from explain.lines(explain.explain(pod, snapshots[0]))

    return chain.why(obj, picture, place)
