"""The rate that the scheduler's bench gives beside upstream's thresholds."""

from __future__ import annotations

from bench.throughput import sampled


def test_whole_seconds_after_the_first_count() -> None:
    progress = [(10.5, 5), (11.9, 105), (12.9, 405), (13.5, 500)]
    assert sampled(progress, 10.0) == 200.0  # 5, 105 and 405 after one, two and three seconds


def test_a_second_without_a_pod_is_joined_to_the_next() -> None:
    assert sampled([(10.5, 5), (12.9, 405), (13.0, 405)], 10.0) == 200.0


def test_what_comes_before_the_first_pod_does_not_count() -> None:
    assert sampled([(15.5, 10), (16.5, 30), (17.2, 30)], 10.0) == 20.0


def test_too_short_for_two_counts() -> None:
    assert sampled([], 10.0) is None
    assert sampled([(10.2, 5), (11.5, 50)], 10.0) is None
