"""Adding to a plan: an instruction, if it may be carried out now; the stop of a container, if it must still be said."""

from __future__ import annotations

from podo.node.instructions import Instruction, Plan, StopContainer
from podo.node.memory import PodMemory
from podo.node.runtimes.contract import Container


def want(plan: Plan, memory: PodMemory, now: float, instruction: Instruction) -> None:
    """Add an instruction, unless it is in work or was tried a moment ago in vain."""
    if instruction.key in memory.busy or instruction in plan.instructions:
        return
    if (retry_at := memory.retry.get(instruction.key, 0.0)) > now:
        plan.again(retry_at)
        return
    plan.instructions.append(instruction)


def stop(
    plan: Plan,
    memory: PodMemory,
    now: float,
    container: Container,
    grace: float,
    message: str,
    *,
    again: bool = False,
    hook: bool = True,
) -> None:
    """Stop a container, or a second time where the grace has become shorter than what is left of the first."""
    stopping = memory.stopping.get(container.id)
    if stopping is not None:
        if grace < stopping.grace and now + grace < stopping.since + stopping.grace:
            plan.instructions.append(StopContainer(container.id, container.name, grace, "", hook=False))
        return
    want(plan, memory, now, StopContainer(container.id, container.name, grace, message, hook, again))
