"""An API server, one controller in a process that may be disturbed and may die, and what is undisturbed beside it."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from podo import controllers
from podo.api import registry
from podo.api.encoding import stamp
from podo.api.kind import Obj
from podo.api.meta import is_deleting, name_of, namespace_of, uid_of
from podo.apiserver.app import ApiServer
from podo.apiserver.backend import Config
from podo.apiserver.local import LocalClient
from podo.apiserver.resourcemetrics.asking import AskNodes
from podo.apiserver.resourcemetrics.meter import Meter
from podo.authn.user import account_groups, account_name
from podo.client.cache import Cache
from podo.client.customsources import CustomSources
from podo.reconcile.actions import Action, Delete, SetStatus
from podo.reconcile.declare import Declaration, Key, View, controller
from podo.reconcile.perform import kind_name
from podo.reconcile.runner import Runner
from podo.runtime.chance import Chance
from podo.runtime.clock import LoopClock
from podo.runtime.tasks import sleep
from podo.storage.memory import MemoryStore
from podo.values import timestamp
from tests.contracts.controllers.disturbed import LATEST, DisturbedClient, Fate
from tests.contracts.controllers.example import Change, Example, Pass, Put, Remove, Step
from tests.unit.apiserver.examples import FIELDS

START = 1_767_225_600.0
#: Nothing written for so long, virtual seconds: settled. Longer than some late events behind each other are late.
QUIET = 10 * LATEST
SETTLED_WITHIN = 600.0
_UID_OF = re.compile(r"uid of (\w+ [\w-]+)")
MANAGER = "system:kube-controller-manager"
#: Shown a second time under another group's name.
_DOUBLE = "events.k8s.io/Event"
CA: str = FIELDS["certificates.k8s.io/v1/ClusterTrustBundle"]["spec"]["trustBundle"]
#: How many finished pods are kept.
FINISHED_PODS = 2


@controller(reconciles="Pod", name="kubelet")
def kubelet(key: Key, view: View) -> Iterator[Action]:
    """Every pod runs at once, and ends when it is deleted or has done its work."""
    pod = view.get("Pod", key.name, key.namespace)
    if pod is None:
        return
    if is_deleting(pod):
        yield Delete(pod, grace_seconds=0)
    elif (pod.get("status") or {}).get("phase") == "Pending":
        yield SetStatus(pod, _running(pod, timestamp.time(view.now)))
    elif (pod.get("status") or {}).get("phase") == "Running" and pod["spec"]["restartPolicy"] == "Never":
        yield SetStatus(pod, {**pod["status"], "phase": "Succeeded"})


KUBELET = replace(kubelet, account="kubelet")


def _running(pod: Obj, now: str) -> Obj:
    ready = [{"type": kind, "status": "True", "lastTransitionTime": now} for kind in ("Ready", "ContainersReady")]
    names = [container["name"] for container in pod["spec"]["containers"]]
    state = {"ready": True, "restartCount": 0, "image": "it", "imageID": "it", "state": {"running": {"startedAt": now}}}
    address = f"10.244.0.{1 + sum(map(ord, name_of(pod))) % 250}"
    return {
        **pod["status"],
        "phase": "Running",
        "startTime": now,
        "podIP": address,
        "podIPs": [{"ip": address}],
        "conditions": ready,
        "containerStatuses": [{"name": name, **state} for name in names],
    }


class _Told:
    """Takes Events, and forgets them."""

    def tell(self, *_: Any, **__: Any) -> None: ...


@dataclass(slots=True)
class Life:
    """One life of a process that runs controllers."""

    cache: Cache
    runner: Runner

    async def start(self) -> None:
        await self.cache.start()
        await self.runner.start()

    async def end(self) -> None:
        await self.runner.stop()
        await self.cache.stop()
        self.cache.check()
        if self.runner.bugs:
            raise self.runner.bugs[0]


class Cluster:
    """``seed`` disturbs the controller's watches; ``dies_at`` ends its first process, after which there is another."""

    def __init__(self, example: Example, *, seed: str = "", dies_at: int = -1) -> None:
        self.clock = LoopClock(START, asyncio.get_running_loop())
        self.store = MemoryStore(stamp)
        self.api = ApiServer(self.store, self.clock, Chance("api"), Config())
        self.client = LocalClient(self.api)
        self._example = example
        self.broken: list[str] = []  # what did not hold on the way
        self.fate = self._fated(dies_at)
        self._first: dict[str, str] = {}
        self._chance = Chance(seed) if seed else None
        self._declared = {each.name: each for each in declared()}
        self._life = self._lived(self.fate)
        beside = [self._declared[name] for name in example.beside]
        self._beside = self._process([*beside, *([KUBELET] if example.kubelet else ())], Fate(), None)

    async def __aenter__(self) -> Cluster:
        await self.store.open()
        await self.api.start()
        Meter(self.store, self.clock, AskNodes(None, {})).serve(self.api.backend)
        for name in ("default", "kube-system", "kube-node-lease"):
            await self.client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        account = {"name": "default", "namespace": "default"}
        await self.client.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account})
        self._first = {uid_of(obj): obj["metadata"]["resourceVersion"] for obj in await self.objects()}
        await self._life.start()
        await self._beside.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._life.end()
        await self._beside.end()
        await self.api.close()
        await self.store.close()

    async def play(self) -> None:
        """Take the example's steps."""
        await self.settle()
        for step in self._example.steps:
            await self._take(step)
            await self.settle()
        assert not self.broken, self.broken[0]

    def _fated(self, dies_at: int = -1) -> Fate:
        return Fate(dies_at, look=self._look if self._example.always is not None else None)

    async def _look(self) -> None:
        assert self._example.always is not None
        objects = await self.objects()
        if not self._example.always(objects):
            self.broken.append(f"no longer holds: {self._example.always.__doc__}\n{objects}")

    async def _take(self, step: Step) -> None:
        if isinstance(step, Pass):
            await sleep(step.seconds)
        elif isinstance(step, Put):
            await self._put(step.obj)
        elif isinstance(step, Change):
            await self.client.patch(
                *(step.kind, step.name, step.namespace),
                patch=await self._named(step.patch),
                subresource=step.subresource,
            )
        elif isinstance(step, Remove):
            await self.client.delete(step.kind, step.name, step.namespace, propagation=step.propagation)

    async def _named(self, patch: Any) -> Any:
        """``patch`` with the uid in place of ``uid of Pod a``, in the namespace ``default``."""
        text = json.dumps(patch)
        for found in set(_UID_OF.findall(text)):
            kind, name = found.split()
            obj = await self.client.get(kind, name, "default")
            text = text.replace(f"uid of {found}", uid_of(obj))
        return json.loads(text)

    async def _put(self, obj: Obj) -> None:
        made = await self.client.create({key: value for key, value in obj.items() if key != "status"})
        if "status" in obj:
            patch = {"status": obj["status"]}
            where = (kind_name(made), name_of(made), namespace_of(made))
            await self.client.patch(*where, patch=patch, subresource="status")

    async def settle(self) -> None:
        """Until nothing was written for a while; a process that dies meanwhile is followed by another."""
        deadline = self.clock.monotonic() + SETTLED_WITHIN
        revision, since = -1, self.clock.monotonic()
        while self.clock.monotonic() - since < QUIET:
            assert self.clock.monotonic() < deadline, "never at rest"
            await sleep(0.5)
            if self.fate.dead.is_set():
                await self.restart()
                since = self.clock.monotonic()
            if self.store.revision != revision:
                revision, since = self.store.revision, self.clock.monotonic()

    async def restart(self) -> None:
        """A new process in place of the present one."""
        await self._life.end()
        self.fate = self._fated()
        self._life = self._lived(self.fate)
        await self._life.start()

    async def objects(self) -> list[Obj]:
        """All that is new or changed since the beginning."""
        found: list[Obj] = []
        for kind in registry.all_kinds():
            name = kind_name({"apiVersion": kind.api_version, "kind": kind.kind})
            if name != _DOUBLE and "list" in kind.verbs:
                found += (await self.client.list(name)).items
        return [obj for obj in found if self._first.get(uid_of(obj)) != obj["metadata"]["resourceVersion"]]

    def _lived(self, fate: Fate) -> Life:
        return self._process([self._declared[self._example.controller]], fate, self._chance)

    def _process(self, declarations: list[Declaration], fate: Fate, chance: Chance | None) -> Life:
        def disturbed(client: LocalClient) -> DisturbedClient:
            return DisturbedClient(client, fate, chance)

        manager = disturbed(LocalClient(self.api, MANAGER, ()))
        clients = {each.account: disturbed(self._acting_as(each.account)) for each in declarations if each.account}
        cache = Cache(manager, (), clock=self.clock, chance=Chance("cache"), checked=True)
        CustomSources(cache)
        runner = Runner(declarations, manager, cache, self.clock, Chance("runner"), _Told(), clients=clients)
        return Life(cache, runner)

    def _acting_as(self, account: str) -> LocalClient:
        if account == KUBELET.account:  # which is no controller: it may do everything
            return LocalClient(self.api)
        return LocalClient(self.api, account_name("kube-system", account), account_groups("kube-system"))


def declared() -> tuple[Declaration, ...]:
    """Every controller there is, made for these tests."""
    return controllers.declarations(ca=CA, sign=_signed, issue=_issued, finished_pods=FINISHED_PODS)


def _signed(request: Obj) -> bytes:
    return CA.encode()


def _issued(account: Obj, secret: Obj) -> str:
    return "a token"
