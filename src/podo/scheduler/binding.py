"""Makes decisions true: posts the bindings of pods, and finds out what became of it where the answer is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from podo.api.errors import ApiError
from podo.api.kind import Obj
from podo.api.meta import is_deleting, uid_of
from podo.client.contract import BindsMany, Client, Unreachable
from podo.runtime.chance import Chance
from podo.runtime.tasks import sleep, within
from podo.scheduler.extenders import Extender, ExtenderFailed
from podo.scheduler.podinfo import PodInfo
from podo.scheduler.requests import DEADLINE
from podo.scheduler.snapshot import Snapshot

#: Seconds between two questions where a pod is: at first, and at most.
FIRST_WAIT, LONGEST_WAIT = 0.1, 10.0


class Binder:
    def __init__(self, client: Client, chance: Chance, snapshot: Snapshot) -> None:
        self._client = client
        self._chance = chance
        self._snapshot = snapshot

    async def bind(self, decisions: Sequence[tuple[PodInfo, str]]) -> list[Exception | None]:
        """Each pod to its node: what went wrong with it; None where it is bound."""
        bindings = [binding_of(pod, node_name) for pod, node_name in decisions]
        if not isinstance(self._client, BindsMany):
            return list(await asyncio.gather(*(self._post(binding) for binding in bindings)))
        try:
            return list(await within(DEADLINE, self._client.bind_all(bindings)))
        except (ApiError, Unreachable, TimeoutError, OSError) as failure:
            return [failure] * len(bindings)

    async def _post(self, binding: Obj) -> Exception | None:
        try:
            await within(DEADLINE, self._client.create(binding, subresource="binding"))
        except (ApiError, Unreachable, TimeoutError, OSError) as failure:
            return failure
        return None

    async def bind_by(self, extender: Extender, pod: PodInfo, node_name: str) -> Exception | None:
        """The extender binds it in the scheduler's place."""
        try:
            await extender.bind(pod, node_name)
        except ExtenderFailed as failure:
            return failure
        return None

    async def placed_on(self, pod: PodInfo) -> str | None:
        """Asks the API where the pod is, until it answers: "" is nowhere, None is gone.

        A binding without an answer may have been carried out, and the cache may not have seen it yet: to forget it
        would give its place away twice.
        """
        wait = FIRST_WAIT
        while pod.uid in self._snapshot.pods():
            try:
                there = await within(DEADLINE, self._client.get("Pod", pod.name, pod.namespace))
            except ApiError as error:
                if error.reason == "NotFound":
                    return None
            except (Unreachable, TimeoutError, OSError):
                pass
            else:
                if uid_of(there) != pod.uid:
                    return None
                node_name = str(there["spec"].get("nodeName") or "")
                return None if is_deleting(there) and not node_name else node_name
            await sleep(self._chance.jitter(wait))
            wait = min(LONGEST_WAIT, wait * 2)
        return None


def binding_of(pod: PodInfo, node_name: str) -> Obj:
    return {
        "apiVersion": "v1",
        "kind": "Binding",
        "metadata": {"name": pod.name, "namespace": pod.namespace, "uid": pod.uid},
        "target": {"kind": "Node", "name": node_name},
    }
