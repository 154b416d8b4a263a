"""The training batch: every slot is on its own puzzle at its own step, and takes the next one when it halts."""

from dataclasses import replace

import pytest
import torch

from app.model.trm import TRM, Carry
from app.puzzles.sudoku import rules
from app.training.act import Slots
from tests.model.runs import CONFIG, sampler

COUNT = 10


@pytest.fixture
def model() -> TRM:
    torch.manual_seed(0)
    return TRM(CONFIG)


@pytest.fixture
def slots(model: TRM) -> Slots:
    return Slots.start(model, COUNT, sampler())


def marked(slots: Slots) -> Carry:
    """A carry that is told apart from a fresh one."""
    return Carry(torch.full_like(slots.carry.z_H, 7), torch.full_like(slots.carry.z_L, 8))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_all_begin_with_a_puzzle_and_a_fresh_carry_at_mixed_depths(model: TRM, slots: Slots) -> None:
    assert torch.equal(slots.carry.z_H, model.fresh(COUNT).z_H)
    assert slots.steps.tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 0, 1]
    assert not slots.halted.any()
    assert len({tuple(question) for question in slots.questions.tolist()}) > 1


def test_every_question_comes_with_its_answer(slots: Slots) -> None:
    broken = rules(4).violations(slots.questions.numpy().astype("uint8"), slots.answers.numpy().astype("uint8"))
    assert broken.tolist() == [0] * COUNT


def test_the_slots_that_halted_are_refilled_and_no_others(model: TRM, slots: Slots) -> None:
    slots.carry, before = marked(slots), slots.questions.clone()
    slots.halted[[2, 5]] = True
    slots.steps[:] = 3
    assert slots.refill(model, sampler(seed=9)) == 2
    fresh = model.fresh(1)
    for slot in range(COUNT):
        new = slot in (2, 5)
        assert slots.steps[slot] == (0 if new else 3)
        assert torch.equal(slots.carry.z_H[slot], fresh.z_H[0] if new else torch.full_like(fresh.z_H[0], 7))
        assert torch.equal(slots.carry.z_L[slot], fresh.z_L[0] if new else torch.full_like(fresh.z_L[0], 8))
        assert torch.equal(slots.questions[slot], before[slot]) is not new


def test_nothing_is_drawn_when_none_halted(model: TRM, slots: Slots) -> None:
    before = slots.questions.clone()
    assert slots.refill(model, sampler()) == 0
    assert torch.equal(slots.questions, before)


def test_the_head_halts_where_it_is_positive(model: TRM, slots: Slots) -> None:
    model.config = replace(CONFIG, halt_exploration_prob=0.0)
    slots.steps[:] = 0
    slots.advance(model, rules(4), marked(slots), torch.tensor([1.0, -1.0] * 5), generator())
    assert slots.halted.tolist() == [True, False] * 5
    assert slots.steps.tolist() == [1] * COUNT
    assert (slots.carry.z_H == 7).all()


def test_the_last_step_halts_whatever_the_head_says(model: TRM, slots: Slots) -> None:
    slots.steps[:] = CONFIG.halt_max_steps - 1
    slots.advance(model, rules(4), marked(slots), torch.full((COUNT,), -9.0), generator())
    assert slots.halted.all()


def test_exploration_keeps_a_puzzle_for_at_least_two_steps_and_never_beyond_the_last(model: TRM, slots: Slots) -> None:
    model.config, slots.steps = replace(CONFIG, halt_exploration_prob=1.0), torch.zeros(COUNT, dtype=torch.long)
    random, halted_at = generator(1), torch.zeros(COUNT, dtype=torch.long)
    for step in range(1, CONFIG.halt_max_steps + 1):
        slots.advance(model, rules(4), marked(slots), torch.full((COUNT,), 9.0), random)
        halted_at[(halted_at == 0) & slots.halted] = step
    assert halted_at.min() == 2
    assert halted_at.max() <= CONFIG.halt_max_steps
    assert len(halted_at.unique()) > 1


def test_a_contradiction_ends_some_slots_early(model: TRM, slots: Slots) -> None:
    slots.steps[:], slots.questions = 0, torch.where(slots.answers < 5, slots.answers + 1, 2)
    slots.advance(model, rules(4), marked(slots), torch.full((COUNT,), -9.0), generator())
    assert 0 < slots.halted.sum() < COUNT
