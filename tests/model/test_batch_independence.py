"""What a puzzle gets does not depend on what else is in the batch, nor on its slot: not in a single bit."""

import numpy as np
import pytest
from numpy.typing import NDArray

from app.engine.onnx_runner import OnnxRunner
from app.engine.runner import Runner
from app.engine.torch_runner import TorchRunner
from app.model.store import Entry
from tests.model.entries import NAMES, RUNNERS, STORE, essence, questions, solve

STEPS = 5
PLACES = [(2, 1), (3, 0), (7, 4), (16, 8), (24, 23)]
"""(size of the batch, slot in it)"""


def state(runner: Runner, slot: int) -> bytes:
    """Both states of a slot."""
    if isinstance(runner, OnnxRunner):
        return bytes(runner.z_H[slot].tobytes() + runner.z_L[slot].tobytes())
    assert isinstance(runner, TorchRunner)
    return b"".join(state[slot].numpy().tobytes() for state in runner.carry)


def history(entry: Entry, backend: str, size: int, slot: int) -> tuple[list[tuple[bytes, bytes]], list[float]]:
    """State and answer of puzzle 0 after each step, at `slot` of a batch of `size`; and its halting logits."""
    runner, grids, bits, opinions = RUNNERS[backend](entry, size), questions(entry), [], []
    for each in range(size):
        runner.load(each, grids[each - slot])
    for _ in range(STEPS):
        answers, logits = runner.step(size)
        bits.append((state(runner, slot), answers[slot].tobytes()))
        opinions.append(float(logits[slot]))
    return bits, opinions


@pytest.mark.parametrize("backend", RUNNERS)
@pytest.mark.parametrize("name", NAMES)
def test_every_bit_of_the_state_is_the_same_alone_and_in_company(name: str, backend: str) -> None:
    entry = STORE.entries[name]
    alone, opinions = history(entry, backend, 1, 0)
    assert len({step[0] for step in alone}) == STEPS
    for size, slot in PLACES:
        bits, others = history(entry, backend, size, slot)
        assert bits == alone, (size, slot)
        assert others == pytest.approx(opinions, abs=1e-5)  # two numbers a puzzle: a product so small has a kernel of its own


@pytest.mark.parametrize("backend", RUNNERS)
@pytest.mark.parametrize("name", NAMES)
def test_so_is_it_after_a_move_to_another_slot(name: str, backend: str) -> None:
    entry, grids = STORE.entries[name], questions(STORE.entries[name])
    runner = RUNNERS[backend](entry, 4)
    for slot in range(4):
        runner.load(slot, grids[(3 - slot) % 4])
    runner.step(4)
    runner.move(3, 1)
    runner.load(0, grids[9])
    answers, _ = runner.step(2)
    assert (state(runner, 1), answers[1].tobytes()) == history(entry, backend, 1, 0)[0][1]


@pytest.mark.parametrize("name", NAMES)
def test_outcomes_are_the_same_in_any_order_and_with_any_number_of_slots(name: str) -> None:
    entry, numbers = STORE.entries[name], list(range(18))
    reference = {number: essence(outcome) for number, outcome in solve(entry, "onnx", 1, numbers).items()}
    assert set(reference) == set(numbers)
    orders: list[NDArray[np.intp]] = [np.random.default_rng(seed).permutation(numbers) for seed in range(3)]
    for slots, order in zip((3, 7, 18), orders, strict=True):
        outcomes = solve(entry, "onnx", slots, order.tolist())
        assert {number: essence(outcome) for number, outcome in outcomes.items()} == reference
