"""Makes decisions true: posts the binding of a pod, and finds out what became of it where the answer is lost."""

from __future__ import annotations

from podo.api.errors import ApiError
from podo.api.kind import Obj
from podo.api.meta import is_deleting, uid_of
from podo.client.contract import Client, Unreachable
from podo.runtime.chance import Chance
from podo.runtime.tasks import sleep, within
from podo.scheduler.extenders import Extender, ExtenderFailed
from podo.scheduler.podinfo import PodInfo
from podo.scheduler.snapshot import Snapshot

#: Seconds that one request may take.
DEADLINE = 30.0
#: Seconds between two questions where a pod is: at first, and at most.
FIRST_WAIT, LONGEST_WAIT = 0.1, 10.0


class Binder:
    def __init__(self, client: Client, chance: Chance, snapshot: Snapshot) -> None:
        self._client = client
        self._chance = chance
        self._snapshot = snapshot

    async def bind(self, pod: PodInfo, node_name: str, extender: Extender | None = None) -> Exception | None:
        """What went wrong; None where it is bound. ``extender``: binds it in the scheduler's place."""
        try:
            if extender is not None:
                await extender.bind(pod, node_name)
                return None
            await within(DEADLINE, self._client.create(binding_of(pod, node_name), subresource="binding"))
        except (ApiError, ExtenderFailed, Unreachable, TimeoutError, OSError) as failure:
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
