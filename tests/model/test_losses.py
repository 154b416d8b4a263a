"""The loss: how wrong the cells are, and how wrong the heads were about that and about contradictions."""

import math

import pytest
import torch
from torch import Tensor

from app.model.trm import Output
from app.training.act import losses

ANSWERS = torch.tensor([[2, 3], [4, 5]])
CONSISTENT = torch.tensor([False, False])


def output(tokens: Tensor, q: list[float], margin: float = 100.0) -> Output:
    """Logits that put `margin` on these tokens of a vocabulary of 11."""
    logits = torch.nn.functional.one_hot(tokens, 11).float() * margin
    return Output(logits, torch.tensor(q), torch.full((len(q),), -50.0))


def test_a_right_answer_that_halts_costs_nothing() -> None:
    loss, solved = losses(output(ANSWERS, [50.0, 50.0]), ANSWERS, CONSISTENT, q_weight=1.0)
    assert loss.item() == pytest.approx(0, abs=1e-6)
    assert solved.tolist() == [True, True]


def test_a_puzzle_is_solved_only_if_every_cell_is_right() -> None:
    wrong = ANSWERS.clone()
    wrong[0, 1] = 9
    loss, solved = losses(output(wrong, [-50.0, 50.0]), ANSWERS, CONSISTENT, q_weight=1.0)
    assert solved.tolist() == [False, True]
    assert loss.item() == pytest.approx(100 / 4, rel=1e-3)


def test_an_answer_without_an_opinion_costs_the_logarithm_of_the_vocabulary() -> None:
    loss, _ = losses(output(ANSWERS, [0.0, 0.0], margin=0.0), ANSWERS, CONSISTENT, q_weight=0.0)
    assert loss.item() == pytest.approx(math.log(11))


@pytest.mark.parametrize(("q", "cost"), [(0.0, math.log(2)), (4.0, 4.0181), (-4.0, 0.0181)])
def test_the_halting_head_pays_for_being_sure_of_a_wrong_answer(q: float, cost: float) -> None:
    wrong = torch.full_like(ANSWERS, 9)
    with_q, without = (losses(output(wrong, [q, q]), ANSWERS, CONSISTENT, q_weight=weight)[0].item() for weight in (0.5, 0.0))
    assert with_q - without == pytest.approx(0.5 * cost, abs=1e-3)


def test_the_cells_get_no_gradient_from_the_halting_head() -> None:
    wrong = output(torch.full_like(ANSWERS, 9), [1.0, 1.0])
    logits, q = wrong.logits.requires_grad_(), wrong.q_halt.requires_grad_()
    loss, _ = losses(Output(logits, q, torch.full((2,), -50.0)), ANSWERS, CONSISTENT, q_weight=1.0)
    loss.backward()
    assert q.grad is not None
    assert (q.grad > 0).all()
    without = logits.grad.clone() if logits.grad is not None else None
    logits.grad = None
    losses(Output(logits, q.detach(), torch.full((2,), -50.0)), ANSWERS, CONSISTENT, q_weight=0.0)[0].backward()
    assert without is not None
    assert torch.equal(without, logits.grad)


def test_a_question_that_contradicts_itself_teaches_no_cells() -> None:
    wrong = ANSWERS.clone()
    wrong[0, 1] = 9
    contradictory = torch.tensor([True, False])
    assert losses(output(wrong, [-50.0, 50.0]), ANSWERS, contradictory, q_weight=0.0)[0].item() == pytest.approx(0, abs=1e-6)
    assert losses(output(wrong, [-50.0, 50.0]), ANSWERS, ~contradictory, q_weight=0.0)[0].item() == pytest.approx(100 / 2, rel=1e-3)
    assert losses(output(wrong, [-50.0, 50.0]), ANSWERS, ~CONSISTENT, q_weight=0.0)[0].item() == 0


def test_the_other_head_pays_for_missing_a_contradiction() -> None:
    loss, _ = losses(output(ANSWERS, [50.0, 50.0]), ANSWERS, torch.tensor([True, False]), q_weight=0.5)
    assert loss.item() == pytest.approx(0.5 * 50 / 2, rel=1e-3)
