"""The same properties for every controller, in virtual time: it converges and then rests, writes only what is its own,
and comes to the same end however late, often and mixed it is told of changes, and wherever its process dies.
"""

from __future__ import annotations

import re
from functools import cache

import pytest

from podo.lab.virtualtime import run
from podo.runtime.tasks import sleep
from tests.contracts.controllers.cluster import Cluster, declared
from tests.contracts.controllers.example import Example
from tests.contracts.controllers.examples import EXAMPLES
from tests.contracts.controllers.outcome import outcome

EVERY = pytest.mark.parametrize("example", EXAMPLES, ids=[example.controller for example in EXAMPLES])
SEEDS = 4
#: Virtual seconds in which a controller with nothing to do does nothing.
REST = 900.0


def end_of(example: Example, **disturbance: object) -> tuple[list[str], int]:
    """What it came to, and in how many steps the first process wrote it."""

    async def main() -> tuple[list[str], int]:
        async with Cluster(example, **disturbance) as cluster:  # type: ignore[arg-type]
            fate = cluster.fate
            await cluster.play()
            return [re.sub(example.varies, "", line) for line in outcome(await cluster.objects())], fate.steps

    return run(main())


@cache
def calm(name: str) -> tuple[list[str], int]:
    """The end of an example that nothing disturbs."""
    return end_of(next(example for example in EXAMPLES if example.controller == name))


def test_every_controller_has_an_example() -> None:
    assert sorted(example.controller for example in EXAMPLES) == sorted(each.name for each in declared())


@EVERY
def test_does_what_it_is_for(example: Example) -> None:
    lines, steps = calm(example.controller)
    assert steps, "it wrote nothing"
    for pattern in example.shows:
        assert any(re.search(pattern, line) for line in lines), f"{pattern} is in none of\n{chr(10).join(lines)}"
    for pattern in example.hides:
        assert not any(re.search(pattern, line) for line in lines), f"{pattern} is in one of\n{chr(10).join(lines)}"


@EVERY
def test_rests_when_all_is_done_and_after_a_restart(example: Example) -> None:
    async def main() -> None:
        async with Cluster(example) as cluster:
            await cluster.play()
            revision = cluster.store.revision
            await sleep(REST)
            assert cluster.store.revision == revision
            await cluster.restart()
            await sleep(REST)
            assert cluster.store.revision == revision

    run(main())


@EVERY
@pytest.mark.parametrize("seed", range(SEEDS))
def test_late_repeated_and_mixed_news_change_nothing(example: Example, seed: int) -> None:
    assert end_of(example, seed=f"late-{seed}")[0] == calm(example.controller)[0]


@EVERY
def test_a_crash_between_any_two_steps_changes_nothing(example: Example) -> None:
    lines, steps = calm(example.controller)
    for step in range(steps):
        assert end_of(example, dies_at=step)[0] == lines, f"died before step {step} of {steps}"


@EVERY
def test_writes_nothing_but_what_is_its_own(example: Example) -> None:
    async def main() -> None:
        async with Cluster(example) as cluster:
            await cluster.play()
            assert {kind for kind, *_ in cluster.fate.writes} <= example.touches

    run(main())
