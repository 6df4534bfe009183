"""Run the whole control list against a cluster."""

from __future__ import annotations

from podo.cluster.benchmark import apiserver, files, kubelet, policies
from podo.cluster.benchmark.control import FAIL, Control, Finding
from podo.cluster.benchmark.ground import Ground
from podo.cluster.config import Config


def _order(control: Control) -> list[int]:
    return [int(part) for part in control.section.split(".")]


CONTROLS: tuple[Control, ...] = tuple(
    sorted((*files.CONTROLS, *apiserver.CONTROLS, *kubelet.CONTROLS, *policies.CONTROLS), key=_order)
)


async def run(config: Config) -> list[tuple[Control, Finding]]:
    """Every control and what it found. What cannot be looked at has failed: nobody knows whether it holds."""
    ground = Ground(config)
    try:
        return [(control, await _checked(control, ground)) for control in CONTROLS]
    finally:
        ground.close()


async def _checked(control: Control, ground: Ground) -> Finding:
    try:
        return await control.check(ground)
    except (OSError, ValueError, KeyError) as failure:
        return Finding(FAIL, f"cannot be checked: {failure or type(failure).__name__}", "podo status")
