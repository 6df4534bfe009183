"""pytest fixtures of the lab, there for everybody who has podo installed: ``world`` and ``podo_seed``."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from podo.lab.world import World


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("podo")
    group.addoption("--podo-seed", type=int, default=0, help="seed of every simulated cluster (the `world` fixture)")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, None]:
    """A failed test of a simulated cluster says which seed shows the failure again."""
    outcome = yield
    report = outcome.get_result()
    seed = getattr(item, "funcargs", {}).get("podo_seed")
    if report.failed and seed is not None:
        report.sections.append(("podo", f"seed {seed}: run again with --podo-seed={seed}"))


@pytest.fixture
def podo_seed(request: pytest.FixtureRequest) -> int:
    """The seed of this test's world: ``--podo-seed``, or 0."""
    seed: int = request.config.getoption("--podo-seed")
    return seed


@pytest.fixture
def world(podo_seed: int) -> Iterator[World]:
    """A cluster of one node, new for each test, in virtual time. A failure shows its seed."""
    from podo.lab.world import World

    with World(seed=podo_seed) as made:
        yield made
