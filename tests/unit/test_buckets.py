"""Token buckets on a clock that the test turns: what is let through is the rate times the time, plus the burst, and never more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.access.keys import Key
from app.access.limits import LocalLimits


def key(rate: float = 2.0, burst: int = 4, name: str = "alice") -> Key:
    return Key(name, b"", rate, burst)


@pytest.fixture
def clock():
    class Clock:
        now = 1000.0

        def __call__(self) -> float:
            return self.now

    return Clock()


@pytest.fixture
def limits(clock) -> LocalLimits:
    return LocalLimits(clock)


async def taken(limits: LocalLimits, key: Key, tries: int) -> int:
    return [await limits.take(key) for _ in range(tries)].count(0.0)


async def test_a_burst_goes_through_at_once_and_then_the_rate(limits, clock) -> None:
    assert await taken(limits, key(), 10) == 4
    clock.now += 1.0
    assert await taken(limits, key(), 10) == 2
    clock.now += 1000.0
    assert await taken(limits, key(), 10) == 4


async def test_who_waits_as_long_as_was_said_gets_through_and_no_sooner(limits, clock) -> None:
    await taken(limits, key(), 4)
    wait = await limits.take(key())
    assert wait == pytest.approx(0.5)
    clock.now += wait - 0.01
    assert await limits.take(key()) == pytest.approx(0.01)
    clock.now += 0.0101
    assert await limits.take(key()) == 0.0


async def test_to_be_refused_costs_nothing(limits, clock) -> None:
    assert await taken(limits, key(), 1000) == 4
    clock.now += 0.5
    assert await taken(limits, key(), 1) == 1


async def test_what_is_charged_beyond_the_bucket_is_waited_out(limits, clock) -> None:
    assert await limits.take(key()) == 0.0
    await limits.charge(key(), 99)
    assert await limits.take(key()) == pytest.approx(97 / 2)
    clock.now += 97 / 2 + 0.001
    assert await taken(limits, key(), 2) == 1


async def test_clients_have_buckets_of_their_own(limits) -> None:
    await taken(limits, key(name="alice"), 10)
    assert await taken(limits, key(name="bob"), 10) == 4


@given(st.lists(st.tuples(st.floats(0, 5), st.integers(0, 20)), max_size=40), st.floats(0.1, 50), st.integers(1, 30))
async def test_no_more_goes_through_than_rate_and_burst_allow(moves, rate, burst) -> None:
    now, let = [0.0], 0
    limits = LocalLimits(lambda: now[0])
    for pause, tries in moves:
        now[0] += pause
        let += await taken(limits, key(rate, burst), tries)
        assert let <= burst + rate * now[0] + 1e-6
