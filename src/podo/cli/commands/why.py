"""``podo why``: why a pod waits, or a workload or claim is not as wanted, down to the root cause.

The API server explains (see ``podo.apiserver.explaining``): a kubeconfig is all that is needed. Of a cluster whose API
server does not, the same is worked out here, from what may be read of it and by the scheduler's default profile.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import orjson

from podo.api import registry
from podo.api.errors import ApiError
from podo.api.kind import Obj
from podo.apiserver.explaining import ROOT
from podo.cli import observed
from podo.cli.errors import FAILURE, NOT_FOUND, NOT_RUNNING, USAGE, CommandFailed
from podo.client.contract import Client, Unreachable
from podo.client.http import HttpClient
from podo.cluster.why import chain
from podo.cluster.why.answering import text_of
from podo.cluster.why.finding import Picture, Placement
from podo.cluster.why.gathering import gather

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
    "ns": "Namespace",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    observed.add_options(parser)
    parser.add_argument("what", nargs="+", metavar="[KIND] NAME", help="pod, deploy, job, pvc and others; default: pod")
    parser.add_argument("-n", "--namespace", default="default", help="(default: %(default)s)")
    parser.add_argument("-o", "--output", choices=["text", "json"], default="text")


def run(options: argparse.Namespace) -> None:
    kind, name = asked(options.what)
    namespace = options.namespace if registry.named(kind).namespaced else ""
    path = observed.kubeconfig(options)
    try:
        found = asyncio.run(_ask(path, options.context, kind, namespace, name))
    except (Unreachable, OSError, TimeoutError) as failure:
        raise CommandFailed(NOT_RUNNING, f"the API server cannot be reached: {failure}", "podo status") from failure
    except ApiError as refused:
        hint = "-n NAMESPACE" if namespace else ""
        raise CommandFailed(NOT_FOUND if refused.reason == "NotFound" else FAILURE, str(refused), hint) from refused
    except ValueError as failure:
        raise CommandFailed(FAILURE, str(failure)) from failure
    print(json.dumps(found, indent=2) if options.output == "json" else text_of(found))


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


async def _ask(kubeconfig: Path, context: str, kind: str, namespace: str, name: str) -> Obj:
    client = HttpClient.from_kubeconfig(kubeconfig, context)
    try:
        return await explanation(client, kind, namespace, name)
    finally:
        client.close()


class Asking(Client, Protocol):
    """A client that can ask any path."""

    async def raw(self, path: str) -> bytes: ...


async def explanation(client: Asking, kind: str, namespace: str, name: str) -> Obj:
    """As the API server tells it, or worked out here where it does not. Raises ApiError."""
    within = f"namespaces/{namespace}/" if namespace else ""
    try:
        found: Obj = orjson.loads(await client.raw(f"{ROOT}{within}{registry.named(kind).plural}/{name}"))
        return found
    except ApiError as refused:
        if refused.reason != "NotFound":
            raise
    picture = await gather(client, kind, namespace, name, lambda *asked: True)
    return await _worked_out(client, picture, kind, namespace, name)


async def _worked_out(client: Client, picture: Picture, kind: str, namespace: str, name: str) -> Obj:
    obj = picture.get(kind, namespace, name)
    assert obj is not None  # gathered
    waiting = any(not pod["spec"].get("nodeName") for pod in picture.all("Pod"))
    snapshot = await _snapshot(client) if waiting else None

    def place(pod: Obj) -> Placement:
        from podo.scheduler import explain

        if snapshot is None:
            return Placement(("the whole cluster cannot be seen: where it could go is not known",))
        found = explain.explain(pod, snapshot)
        return Placement(tuple(explain.lines(found)), explain.document(found))

    document: dict[str, Any] = chain.why(obj, picture, place).document()
    return {**document, "unseen": sorted(picture.unseen)}


async def _snapshot(client: Client) -> Snapshot | None:
    """None where not all may be read."""
    from podo.scheduler.follow import KINDS
    from podo.scheduler.picture import snapshot_of

    try:
        return snapshot_of([each for kind in KINDS for each in await observed.everything(client, kind)])
    except ApiError as refused:
        if refused.reason != "Forbidden":
            raise
        return None
