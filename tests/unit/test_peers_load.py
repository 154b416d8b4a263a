"""The load of the peers' benchmark: when puzzles come, and what latency is said to be."""

import asyncio
import itertools
import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.peers.asking import Asking
from bench.peers.load import Sample, arrivals, closed, figures, offered, percentile

SOLVED = Asking(verified=True, requests=1)


def test_arrivals_are_a_poisson_process() -> None:
    times = arrivals(50, 400, seed=0)
    gaps = [later - sooner for sooner, later in itertools.pairwise(times)]
    assert min(gaps) > 0
    assert 0 < times[0] < times[-1] < 400
    assert len(times) == pytest.approx(20_000, abs=5 * 20_000**0.5)
    mean = sum(gaps) / len(gaps)
    deviation = (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5
    assert deviation == pytest.approx(mean, rel=0.05)  # as of an exponential distribution; of a regular schedule it would be 0


def test_all_servers_get_the_same_arrivals() -> None:
    assert arrivals(9, 30, seed=1) == arrivals(9, 30, seed=1) != arrivals(9, 30, seed=2)


@given(st.lists(st.floats(0, 1e3), min_size=1), st.sampled_from([50, 95, 99, 100]))
def test_a_percentile_is_the_least_that_so_many_do_not_exceed(latencies, percent) -> None:
    found = percentile(latencies, percent)
    enough = [each for each in latencies if sum(other <= each for other in latencies) * 100 >= percent * len(latencies)]
    assert found == min(enough) * 1000


def test_a_percentile_that_was_never_answered_is_none() -> None:
    assert percentile([0.1, math.inf], 50) == pytest.approx(100)
    assert percentile([0.1, math.inf], 99) is None
    assert percentile([], 50) is None


def test_rate_counts_answers_in_the_window_and_latency_arrivals_in_it() -> None:
    samples = [
        Sample(0.5, 1.5, SOLVED),  # came in the warm-up, was answered in the window
        Sample(1.0, 1.2, SOLVED),
        Sample(2.0, 9.0, SOLVED),  # was answered after the window
        Sample(2.5, 2.6, Asking(verified=False, requests=3)),
        Sample(2.6, 2.7, Asking(verified=False, requests=1, failed=True)),
        Sample(2.7, math.inf, None),
    ]
    found = figures(samples, (1.0, 3.0), offered=None, generator=0.25)
    assert found.puzzles_per_s == pytest.approx(1.5)
    assert found.p50_ms == pytest.approx(7000)  # of 0.1, 0.2, 7 and two without an answer
    assert found.p99_ms is None
    assert (found.failed, found.unanswered, found.generator) == (1, 1, 0.25)
    assert found.verified == pytest.approx(3 / 4)  # of those that were answered
    assert found.requests_per_puzzle == pytest.approx(6 / 4)


async def test_latency_counts_from_the_intended_arrival_even_if_the_load_itself_is_late() -> None:
    slept = []

    async def blocking(_) -> Asking:
        if not slept:
            slept.append(time.sleep(0.5))  # noqa: ASYNC251  # on purpose: nothing can be sent meanwhile, but puzzles go on coming
        return SOLVED

    found = await offered(blocking, [None], 100, warm_up=0, seconds=0.5, patience=5)
    assert found.unanswered == 0
    assert found.p50_ms > 100  # counted from when they were sent, all but the first would take next to nothing


async def test_what_is_never_answered_is_given_up_and_told() -> None:
    async def silent(_) -> Asking:
        await asyncio.Event().wait()
        raise AssertionError

    for load in (offered(silent, [None], 100, 0, 0.2, 0.1), closed(silent, [None], 5, 0, 0.2, 0.1)):
        found = await load
        assert found.unanswered > 0
        assert (found.p50_ms, found.puzzles_per_s, found.verified) == (None, 0, 0)


async def test_a_closed_loop_has_as_many_puzzles_open_as_clients() -> None:
    open_now, seen = set[object](), list[int]()

    async def solve(puzzle) -> Asking:
        open_now.add(mark := object())
        seen.append(len(open_now))
        await asyncio.sleep(0.001)
        open_now.remove(mark)
        return SOLVED

    found = await closed(solve, [None], 7, 0, 0.3, 5)
    assert max(seen) == 7
    assert (found.verified, found.unanswered, found.failed) == (1, 0, 0)
    assert found.puzzles_per_s > 0


async def test_an_error_of_the_bench_itself_is_not_hidden() -> None:
    async def broken(_) -> Asking:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await offered(broken, [None], 100, 0, 0.2, 1)
