"""Torch and ONNX Runtime give the same answers at the same steps, for every model of the store."""

import numpy as np
import pytest

from app.engine.request import Halt
from tests.model.entries import NAMES, RULED, STORE, essence, puzzles, solve

ALL = list(range(36))


@pytest.mark.parametrize("halt", ["verified", "learned", "never"])
@pytest.mark.parametrize("name", NAMES)
def test_torch_and_onnx_give_the_same_answers_at_the_same_steps(name: str, halt: Halt) -> None:
    entry, most = STORE.entries[name], 8 if halt == "never" else 16
    torch, onnx = (solve(entry, backend, 12, ALL, halt, most) for backend in ("torch", "onnx"))
    assert {number: essence(outcome) for number, outcome in torch.items()} == {number: essence(outcome) for number, outcome in onnx.items()}
    probabilities = np.array([[torch[number].halt_probability, onnx[number].halt_probability] for number in ALL])
    assert np.abs(probabilities[:, 0] - probabilities[:, 1]).max() < 1e-3


@pytest.mark.parametrize("name", RULED)
def test_a_model_solves_what_it_was_trained_for(name: str) -> None:
    entry = STORE.entries[name]
    outcomes, answers = solve(entry, "onnx", 36, ALL), puzzles(name).answers
    verified = [number for number in ALL if outcomes[number].verified]
    assert len(verified) >= 34
    assert all(outcomes[number].cells == answers[number].tobytes() for number in verified)


def test_puzzles_halt_at_different_depths() -> None:
    """Else batching step by step would be for nothing, and the comparison above would show little."""
    depths = [{outcome.steps for outcome in solve(STORE.entries[name], "onnx", 36, ALL).values()} for name in NAMES]
    assert max(map(len, depths)) > 2
