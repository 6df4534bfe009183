import asyncio
from collections.abc import Callable

import pytest

from podo.client.contract import Unreachable
from podo.lab.virtualtime import run
from podo.reconcile.leader import LeaderElection, Terms
from podo.runtime.chance import Chance
from podo.runtime.clock import LoopClock
from tests.unit.reconcile.fakeapi import FakeApi


class Candidate:
    def __init__(self, api: FakeApi, identity: str, skew: float = 0.0) -> None:
        self.began: list[float] = []
        self.ended: list[float] = []
        loop = asyncio.get_running_loop()
        self.election = LeaderElection(
            api, LoopClock(1000.0 + skew, loop), Chance(identity), name="podo-controllers", identity=identity
        )
        self.task = loop.create_task(self.election.run(self._note(self.began), self._note(self.ended)))

    def _note(self, times: list[float]) -> Callable:
        async def note() -> None:
            times.append(asyncio.get_running_loop().time())

        return note

    @property
    def leads(self) -> bool:
        return len(self.began) > len(self.ended)

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])


def test_one_leads_and_another_follows_when_it_stops() -> None:
    async def main() -> None:
        api = FakeApi()
        one, two = Candidate(api, "one"), Candidate(api, "two", skew=-3600)
        await asyncio.sleep(60)
        assert [one.leads, two.leads] == [True, False]
        assert one.began[0] < 0.1  # nobody waits for a free lease
        await one.stop()
        await asyncio.sleep(6)
        assert two.leads
        lease = await api.get("Lease", "podo-controllers", "kube-system")
        assert lease["spec"]["holderIdentity"] == "two"
        assert lease["spec"]["leaseTransitions"] == 1
        await two.stop()

    run(main())


def test_a_dead_leader_is_replaced_after_the_leases_duration_and_not_before() -> None:
    async def main() -> None:
        api = FakeApi()
        one = Candidate(api, "one")
        await asyncio.sleep(10)
        lease = await api.get("Lease", "podo-controllers", "kube-system")
        await one.stop()
        lease["metadata"].pop("resourceVersion")
        await api.update(lease)  # as if it had died without giving the lease back
        died = asyncio.get_running_loop().time()
        two = Candidate(api, "two")
        await asyncio.sleep(30)
        assert 15 <= two.began[0] - died <= 20
        await two.stop()

    run(main())


def test_the_same_server_need_not_wait_after_a_restart() -> None:
    async def main() -> None:
        api = FakeApi()
        one = Candidate(api, "one")
        await asyncio.sleep(10)
        lease = await api.get("Lease", "podo-controllers", "kube-system")
        await one.stop()
        lease["metadata"].pop("resourceVersion")
        await api.update(lease)
        again = Candidate(api, "one")
        await asyncio.sleep(0.1)
        assert again.leads
        await again.stop()

    run(main())


def test_a_leader_cut_off_steps_down_before_another_can_lead() -> None:
    async def main() -> None:
        api = FakeApi()
        one = Candidate(api, "one")
        await asyncio.sleep(10)
        two = Candidate(api, "two")
        working = api.before

        def cut_off(verb: str, kind: str, name: str) -> None:
            if asyncio.current_task() is one.task:
                raise Unreachable("cut off")

        api.before = cut_off
        await asyncio.sleep(60)
        assert two.leads and not one.leads
        assert one.ended[0] <= two.began[0]
        api.before = working
        await one.stop()
        await two.stop()

    run(main())


def test_unsafe_terms_are_refused() -> None:
    with pytest.raises(ValueError, match="unsafe"):
        Terms(duration=10, renew_deadline=10)
