"""Asks the devices in slices what a decision will want to know of them: anybody may write a selector that works for a
second on each device, and a decision, for which nothing may change meanwhile, cannot let others have their turn.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from functools import partial

from podo.cel.budget import SLICE
from podo.runtime.slices import in_slices, rest
from podo.scheduler.devices.asking import ClaimAsk
from podo.scheduler.devices.ledger import Devices
from podo.scheduler.devices.matching import ask
from podo.scheduler.devices.podclaims import concerned, demands
from podo.scheduler.devices.pools import Device
from podo.scheduler.podinfo import PodInfo

#: Sets of demands remembered; the one not used for longest goes.
LIMIT = 64


class Acquaintance:
    def __init__(self, devices: Devices) -> None:
        self._devices = devices
        self._known: OrderedDict[str, int] = OrderedDict()  # which devices there were when all were asked

    async def prepare(self, pod: PodInfo) -> bool:
        """A decision about the pod that is taken next finds every device asked, but for one that has come meanwhile.
        Was there anything to ask?"""
        devices = self._devices
        if not concerned(pod, devices):
            return False
        wanted = demands(pod, devices)
        if not wanted.asks or self._known.get(wanted.key) == devices.pools.version:
            return False
        self._known[wanted.key] = devices.pools.version
        self._known.move_to_end(wanted.key)
        if len(self._known) > LIMIT:
            self._known.popitem(last=False)
        each = [device for pool in devices.pools.all() for device in pool.devices]
        await in_slices(partial(_ask_all, each, wanted.asks))
        return True


def _ask_all(devices: Iterable[Device], claims: Iterable[ClaimAsk]) -> None:
    wanted = {one.selectors for claim in claims for request in claim.requests for one in request}
    left = SLICE
    for device in devices:
        for selectors in wanted:
            left = ask(device, selectors, left)
        if left <= 0:
            rest()
            left = SLICE
