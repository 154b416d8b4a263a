"""What a step does with its carry: how often the network runs, where gradient flows, and where a puzzle begins."""

from dataclasses import replace

import pytest
import torch

from app.model.trm import TRM, Carry
from tests.model.test_by_hand import PLAIN, make

TOKENS = torch.arange(16)[None] % 7


def runs(model: TRM) -> list[bool]:
    """For every run of the network in one step, whether it recorded gradients."""
    recorded: list[bool] = []
    model.L_level.register_forward_hook(lambda *_: recorded.append(torch.is_grad_enabled()))
    model(model.fresh(1), TOKENS)
    return recorded


@pytest.mark.parametrize(("H", "L"), [(1, 1), (2, 2), (3, 6)])
def test_the_network_runs_h_times_l_plus_one_times_and_the_last_cycle_learns(H: int, L: int) -> None:
    recorded = runs(make(replace(PLAIN, H_cycles=H, L_cycles=L)))
    assert recorded == [False] * ((H - 1) * (L + 1)) + [True] * (L + 1)


def test_a_fresh_puzzle_starts_from_the_initial_states() -> None:
    model = make(PLAIN)
    carry = model.fresh(3)
    assert carry.z_H.shape == (3, 16, 24)
    assert torch.equal(carry.z_H[2, 7], model.H_init)
    assert torch.equal(carry.z_L[1, 0], model.L_init)


def test_the_carry_comes_back_without_its_history() -> None:
    model = make(PLAIN)
    carry, output = model(model.fresh(1), TOKENS)
    assert not carry.z_H.requires_grad
    assert not carry.z_L.requires_grad
    assert output.logits.requires_grad


def test_gradient_does_not_reach_the_carry_through_the_cycles_that_do_not_learn() -> None:
    for cycles, reaches in ((2, False), (1, True)):
        model = make(replace(PLAIN, H_cycles=cycles))
        carry = Carry(*(state.clone().requires_grad_() for state in model.fresh(1)))
        model(carry, TOKENS)[1].logits.sum().backward()
        assert (carry.z_H.grad is not None) is reaches
        assert (carry.z_L.grad is not None) is reaches


def test_a_step_goes_on_from_its_carry() -> None:
    model = make(PLAIN)
    first, one = model(model.fresh(1), TOKENS)
    _, two = model(first, TOKENS)
    assert not torch.equal(one.logits, two.logits)
    assert torch.equal(two.logits, model(first, TOKENS)[1].logits)


def test_a_step_changes_neither_its_carry_nor_the_initial_states() -> None:
    model = make(PLAIN)
    carry = Carry(*(state.clone() for state in model.fresh(2)))
    kept = Carry(*(state.clone() for state in carry))
    model(carry, TOKENS.expand(2, -1))
    assert all(torch.equal(a, b) for a, b in zip(carry, kept, strict=True))
    assert torch.equal(model.fresh(1).z_H[0, 0], model.H_init)


def test_a_new_model_hardly_ever_halts() -> None:
    torch.manual_seed(0)
    model = TRM(PLAIN)
    output = model(model.fresh(4), TOKENS.expand(4, -1))[1]
    assert torch.equal(output.q_halt, torch.full((4,), -5.0))


def test_another_puzzle_id_gives_another_answer() -> None:
    model = make(replace(PLAIN, puzzle_emb_ndim=24, num_puzzle_identifiers=3))
    logits = model(model.fresh(3), TOKENS.expand(3, -1), torch.tensor([0, 1, 1]))[1].logits
    assert not torch.equal(logits[0], logits[1])
    assert torch.equal(logits[1], logits[2])
    assert torch.equal(model(model.fresh(1), TOKENS)[1].logits[0], logits[0])
