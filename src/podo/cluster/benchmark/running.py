"""Run the control list, or some sections of it, against a cluster."""

from __future__ import annotations

from collections.abc import Sequence

from podo.cluster.benchmark import apiserver, files, kubelet, policies
from podo.cluster.benchmark.control import FAIL, Control, Finding
from podo.cluster.benchmark.ground import Ground
from podo.cluster.config import Config


def _order(control: Control) -> list[int]:
    return [int(part) for part in control.section.split(".")]


CONTROLS: tuple[Control, ...] = tuple(
    sorted((*files.CONTROLS, *apiserver.CONTROLS, *kubelet.CONTROLS, *policies.CONTROLS), key=_order)
)


def chosen(sections: Sequence[str]) -> tuple[Control, ...]:
    """The controls of these sections (``1.2`` has ``1.2.1``), all for (); ValueError names one that there is not."""
    found = {section: [one for one in CONTROLS if f"{one.section}.".startswith(f"{section}.")] for section in sections}
    if unknown := [section for section, controls in found.items() if not controls]:
        raise ValueError(f"there is no control in section {unknown[0]}")
    wanted = {one.section for controls in found.values() for one in controls}
    return tuple(one for one in CONTROLS if not sections or one.section in wanted)


async def run(config: Config, controls: Sequence[Control] = CONTROLS) -> list[tuple[Control, Finding]]:
    """What each control found. What cannot be looked at has failed: nobody knows whether it holds."""
    ground = Ground(config)
    try:
        return [(control, await _checked(control, ground)) for control in controls]
    finally:
        ground.close()


async def _checked(control: Control, ground: Ground) -> Finding:
    try:
        return await control.check(ground)
    except (OSError, ValueError, KeyError) as failure:
        return Finding(FAIL, f"cannot be checked: {failure or type(failure).__name__}", "podo status")
