"""Reporting a pod's status to the API: when it differs from what is known there, and not when a better one is about to
come.
"""

from __future__ import annotations

from collections.abc import Callable

from podo.api.errors import ApiError
from podo.api.kind import Obj
from podo.api.meta import name_of, namespace_of, uid_of
from podo.client.contract import Unreachable
from podo.node import podspec
from podo.node.instructions import Plan
from podo.node.memory import PodMemory
from podo.node.observed import Seen
from podo.node.room import NodeRoom
from podo.node.status import difference, status_of
from podo.runtime.log import Logger

log = Logger("podo.node.worker")


class StatusReport:
    """``updated`` is given what the API answers, ``gone`` is called when it has the pod no more. ``kept`` is given the
    pod with its status where the API does not have it (a static pod)."""

    def __init__(
        self,
        room: NodeRoom,
        memory: PodMemory,
        updated: Callable[[Obj], None],
        gone: Callable[[], None],
        kept: Callable[[Obj], None] | None = None,
    ) -> None:
        self._room = room
        self._memory = memory
        self._updated = updated
        self._gone = gone
        self._kept = kept
        self._settle_until = room.clock.now() + room.config.settle_seconds

    async def write(self, pod: Obj, granted: Obj, seen: Seen, plan: Plan, now: float) -> None:
        """Write the status if it differs from what the API has."""
        if plan.ending and plan.ending.remove and _is_between(seen):
            return
        if self._may_wait(pod, seen, plan, now):
            return
        old = pod.get("status") or {}
        status = status_of(granted, seen, self._memory, plan, now, self._room.config.internal_ip)
        patch = difference(old, status, uid_of(pod))
        if patch is None:
            return
        if self._kept is not None:
            self._kept({**pod, "status": {**old, **status}})
            return
        if (retry_at := self._memory.retry.get("status", 0.0)) > now:
            plan.again(retry_at)
            return
        try:
            updated = await self._room.client.patch(
                "Pod",
                name_of(pod),
                namespace_of(pod),
                patch=patch,
                type="strategic",
                subresource="status",
            )
            self._memory.succeeded("status")
            # The answer may show more than this write, a deletion say; the watch will not bring it a second time.
            self._updated(updated)
        except ApiError as refusal:
            self._refused(pod, refusal, plan)
        except (Unreachable, TimeoutError, OSError) as failure:
            self._failed(pod, str(failure), plan)

    def _may_wait(self, pod: Obj, seen: Seen, plan: Plan, now: float) -> bool:
        """Will there be more to say in a moment? (A pod is Pending until the last of its containers has started.)"""
        if plan.ending and seen.alive and self._memory.ending_since is not None:
            quick = self._memory.ending_since + self._room.config.settle_seconds
            if now < quick:
                plan.again(quick)
            return now < quick
        if now >= self._settle_until or plan.waiting or not self._memory.is_making:
            return False
        if podspec.phase_of(pod) != "Pending":
            return False
        plan.again(self._settle_until)
        return True

    def _refused(self, pod: Obj, refusal: ApiError, plan: Plan) -> None:
        if refusal.reason == "NotFound":
            self._gone()
        else:
            self._failed(pod, refusal.message, plan)

    def _failed(self, pod: Obj, why: str, plan: Plan) -> None:
        log.warning("status not written, will try again", pod=podspec.full_name(pod), why=why)
        now = self._room.clock.now()
        self._memory.failed("status", now, 10.0)
        plan.again(self._memory.retry["status"])


def _is_between(seen: Seen) -> bool:
    """The end of a pod that goes is told once: when its sandbox is stopped too, and not again as things are removed."""
    return not seen.alive and (not seen.containers or any(sandbox.ready for sandbox in seen.sandboxes))
