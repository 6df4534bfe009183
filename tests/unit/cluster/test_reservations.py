"""What clusters have of the machine: each its own, kept over restarts, and not lost by a starting one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from podo.cluster import reservations


def test_each_cluster_has_its_own_ranges(tmp_path: Path) -> None:
    places = [tmp_path / name for name in ("a", "b", "c")]
    for place in places:
        place.mkdir()
    shared = tmp_path / "run"
    first, second = (reservations.reserve(str(place), "web", shared) for place in places[:2])
    assert (first.ranges.pod_cidr, first.ranges.service_cidr) == ("10.244.0.0/16", "10.96.0.0/16")
    assert {first.index, second.index} == {0, 1}
    assert (first.name, second.name) == ("web", "web-2")
    assert reservations.reserve(str(places[1]), "web", shared) == second
    reservations.release(str(places[0]), shared)
    third = reservations.reserve(str(places[2]), "web", shared)
    assert (third.index, third.name) == (first.index, first.name)
    for place in places:
        reservations.release(str(place), shared)
    assert not shared.exists()


def test_a_cluster_whose_directory_is_gone_gives_its_ranges_up(tmp_path: Path) -> None:
    place = tmp_path / "a"
    place.mkdir()
    shared = tmp_path / "run"
    reservations.reserve(str(place), "web", shared)
    place.rmdir()
    other = tmp_path / "b"
    other.mkdir()
    assert reservations.reserve(str(other), "web", shared).index == 0


def test_those_that_come_and_go_at_once_never_have_the_same(tmp_path: Path) -> None:
    """The last that goes takes the directory away, with the lock that another waits for."""
    shared, held, met = tmp_path / "run", set[int](), []

    def come_and_go(number: int) -> None:
        place = tmp_path / str(number)
        place.mkdir()
        for _ in range(40):
            index = reservations.reserve(str(place), "web", shared).index
            if index in held:
                met.append(index)
            held.add(index)
            held.discard(index)
            reservations.release(str(place), shared)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(come_and_go, range(4)))
    assert not met
    assert not shared.exists()


def test_there_is_an_end(tmp_path: Path) -> None:
    shared = tmp_path / "run"
    for number in range(reservations.MOST + 1):
        (tmp_path / str(number)).mkdir()
    for number in range(reservations.MOST):
        reservations.reserve(str(tmp_path / str(number)), "web", shared)
    with pytest.raises(reservations.NoneLeft):
        reservations.reserve(str(tmp_path / str(reservations.MOST)), "web", shared)


def test_what_a_cluster_had_is_its_own_again_unless_another_has_it(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    shared = tmp_path / "run"
    had = reservations.reserve(str(tmp_path / "a"), "web", shared)
    for path in shared.iterdir():  # as when the machine starts anew
        path.unlink()
    reservations.renew(had, shared)
    assert reservations.reserve(str(tmp_path / "b"), "web", shared).index != had.index
    reservations.release(str(tmp_path / "a"), shared)
    (tmp_path / "c").mkdir()
    reservations.reserve(str(tmp_path / "c"), "other", shared)  # the first free: what the first one had
    with pytest.raises(reservations.Taken, match="/c has taken"):
        reservations.renew(had, shared)
