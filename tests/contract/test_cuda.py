"""The captured graphs on a real GPU: what they give is what the same runner gives without them."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from app.engine import isolation
from app.engine.runner import Judged
from app.engine.torch_rules import check
from app.engine.torch_runner import TorchRunner
from app.model import weights
from app.puzzles.sudoku import rules
from tests.model.entries import STORE, puzzles

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device: graphs cannot be captured")
SLOTS = 9
Make = Callable[..., TorchRunner]


@pytest.fixture(params=[torch.float32, torch.bfloat16], ids=["fp32", "bf16"])
def make(request: pytest.FixtureRequest) -> Make:
    """A runner of the default model with puzzles in all its slots."""

    def made(**options: object) -> TorchRunner:
        runner = TorchRunner(weights.load(STORE.entries["sudoku"]), SLOTS, "cuda", dtype=request.param, **options)
        for slot, question in enumerate(puzzles("sudoku", SLOTS).questions):
            runner.load(slot, question)
        return runner

    return made


@pytest.mark.parametrize("compiled", [False, True])
def test_graphs_give_what_eager_steps_give(make: Make, *, compiled: bool) -> None:
    captured, eager = make(compiled=compiled), make(bucketed=False)
    assert captured.programs
    assert not eager.programs
    for size in (9, 3, 5, 1, 8, 9):
        (answers, logits), (others, other_logits) = captured.step(size), eager.step(size)
        for one, other in zip(captured.state.carry, eager.state.carry, strict=True):
            other.copy_(one)  # what rounding makes of six steps in a row says nothing
        assert np.abs(logits - other_logits).max() < (1e-3 if captured.dtype == torch.float32 else 0.3)
        assert (answers == others).mean() > (0.999 if captured.dtype == torch.float32 else 0.9)


def test_a_gpu_agrees_with_a_cpu_and_judges_its_own_answers_as_numpy_does(make: Make) -> None:
    runner, plain = make(check=check("sudoku", 9, 9, "cuda")), TorchRunner(weights.load(STORE.entries["sudoku"]), SLOTS)
    questions = puzzles("sudoku", SLOTS).questions
    for slot, question in enumerate(questions):
        plain.load(slot, question)
    for _ in range(4):
        judged, _ = runner.step(SLOTS)
        expected, _ = plain.step(SLOTS)
        assert isinstance(judged, Judged)
        answers = judged.fetch(list(range(SLOTS)))
        assert judged.violations.tolist() == rules(9).violations(questions, answers).tolist()
        assert (answers == expected).mean() > 0.8


def test_loads_and_moves_between_replays_reach_the_graph(make: Make) -> None:
    captured, eager = make(), make(bucketed=False)
    for runner in (captured, eager):
        runner.step(9)
        runner.swap(8, 2)
        runner.load(3, puzzles("sudoku", SLOTS).questions[0])
    assert np.abs(captured.step(8)[1] - eager.step(8)[1]).max() < (1e-3 if captured.dtype == torch.float32 else 0.3)


def test_nan_in_one_slot_stays_there(make: Make) -> None:
    runner, clean = make(), make()
    for each in (runner, clean):
        each.step(9)
    runner.state.carry.z_L[4, 7, 3] = torch.nan
    (answers, _, faults), (expected, _) = isolation.step(runner, 9), clean.step(9)
    assert list(faults) == [4]
    assert (np.delete(answers, 4, axis=0) == np.delete(expected, 4, axis=0)).all()
