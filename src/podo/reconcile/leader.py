"""Leader election by a Lease, so that of several servers one runs the controllers. Figures as client-go's leader
election.

The holder renews the Lease; the others take it over when they have seen no renewal for the Lease's duration, by
their own clocks, so that clocks need not agree. A free Lease, or one still held by the same identity (this server
before a restart), is taken at once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from podo.api.errors import ApiError
from podo.api.kind import Obj
from podo.client.contract import Client, Unreachable
from podo.runtime.chance import Chance
from podo.runtime.clock import Clock
from podo.runtime.log import Logger
from podo.runtime.tasks import sleep, within
from podo.values import timestamp

log = Logger("podo.leader")


@dataclass(frozen=True, slots=True)
class Terms:
    """Seconds: how long a Lease counts without renewal, how long a leader tries to renew before it steps down, and how
    often all of them try. ``duration`` > ``renew_deadline`` > 1.2 × ``retry``, or two could lead at once."""

    duration: int = 15
    renew_deadline: float = 10.0
    retry: float = 2.0

    def __post_init__(self) -> None:
        if not self.duration > self.renew_deadline > 1.2 * self.retry > 0:
            raise ValueError(f"unsafe terms of leader election: {self}")


class LeaderElection:
    """One candidate, ``identity``, for the Lease ``namespace/name``."""

    def __init__(
        self,
        client: Client,
        clock: Clock,
        chance: Chance,
        *,
        name: str,
        identity: str,
        namespace: str = "kube-system",
        terms: Terms | None = None,
    ) -> None:
        self._client = client
        self._clock = clock
        self._chance = chance
        self._name = name
        self._namespace = namespace
        self._identity = identity
        self._terms = terms or Terms()
        self._lease: Obj | None = None  # as last seen
        self._fresh = False  # is it good enough to be renewed without reading it again?
        self._seen_at = 0.0  # when it was seen to change
        self._renewed_at = 0.0
        #: Does this candidate lead, as far as it can know?
        self.leading = False

    async def run(self, lead: Callable[[], Awaitable[None]], step_down: Callable[[], Awaitable[None]]) -> None:
        """Without end: wait until elected, ``lead()`` (must return), renew until that fails, ``step_down()``.

        When cancelled while leading: ``step_down()``, then the Lease is given back so that another need not wait.
        """
        while True:
            await self._win()
            log.info("leading", lease=self._name, identity=self._identity)
            self.leading = True
            try:
                await lead()
                await self._keep()
                log.warning("lost the lease, stepping down", lease=self._name, identity=self._identity)
            finally:
                self.leading = False
                await step_down()
                await self._give_back()

    async def _win(self) -> None:
        while not await self._attempt():
            await sleep(self._chance.jitter(self._terms.retry, 1.2))

    async def _keep(self) -> None:
        """Renew; returns when that did not work for ``renew_deadline``, or another holds the Lease."""
        while True:
            await sleep(self._terms.retry)
            if await self._attempt():
                continue
            late = self._clock.monotonic() - self._renewed_at > self._terms.renew_deadline
            if late or self._holder() not in ("", self._identity):
                return

    async def _attempt(self) -> bool:
        """Take or renew the Lease; is it ours now?"""
        began = self._clock.monotonic()
        try:
            renewed = await within(self._terms.renew_deadline / 2, self._take())
        except (ApiError, Unreachable, TimeoutError, OSError) as error:
            log.debug("lease not taken", lease=self._name, why=str(error))
            self._fresh = False
            return False
        if renewed:
            self._renewed_at = began
        return renewed

    async def _take(self) -> bool:
        if not self._fresh:
            lease = await self._read()
            if lease is None:
                self._note(await self._client.create(self._new()))
                return True
            self._note(lease)
        assert self._lease is not None
        if not self._may_take(self._lease["spec"]):
            self._fresh = False
            return False
        self._fresh = False
        self._note(await self._client.update({**self._lease, "spec": self._claim(self._lease["spec"])}))
        self._fresh = True
        return True

    async def _read(self) -> Obj | None:
        try:
            return await self._client.get("Lease", self._name, self._namespace)
        except ApiError as error:
            if error.reason != "NotFound":
                raise
            return None

    def _note(self, lease: Obj) -> None:
        if self._lease is None or self._lease["spec"] != lease["spec"]:
            self._seen_at = self._clock.monotonic()
        self._lease = lease

    def _holder(self) -> str:
        return str(self._lease["spec"].get("holderIdentity") or "") if self._lease else ""

    def _may_take(self, spec: dict[str, Any]) -> bool:
        holder = spec.get("holderIdentity")
        if not holder or holder == self._identity:
            return True
        duration = spec.get("leaseDurationSeconds") or self._terms.duration
        return bool(self._clock.monotonic() >= self._seen_at + duration)

    def _new(self) -> Obj:
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self._name, "namespace": self._namespace},
            "spec": self._claim({}),
        }

    def _claim(self, old: dict[str, Any]) -> dict[str, Any]:
        now = timestamp.micro_time(self._clock.now())
        ours = old.get("holderIdentity") == self._identity
        transitions = old.get("leaseTransitions") or 0
        return {
            **old,
            "holderIdentity": self._identity,
            "leaseDurationSeconds": self._terms.duration,
            "acquireTime": old.get("acquireTime", now) if ours else now,
            "renewTime": now,
            "leaseTransitions": transitions if ours or not old else transitions + 1,
        }

    async def _give_back(self) -> None:
        """Let go of the Lease where it is still ours."""
        if self._lease is None or self._holder() != self._identity:
            return
        now = timestamp.micro_time(self._clock.now())
        free = {**self._lease["spec"], "holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": now}
        try:
            self._note(await within(1.0, self._client.update({**self._lease, "spec": free})))
        except (ApiError, Unreachable, TimeoutError, OSError) as error:
            log.debug("lease not given back", lease=self._name, why=str(error))
        self._fresh = False
