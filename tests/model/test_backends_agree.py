"""Torch, ONNX Runtime and the step in C give the same answers at the same steps, for every model of the store; in bfloat16 about as soon."""

import numpy as np
import pytest

from app.engine.native.builds import builds
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


@pytest.mark.parametrize("build", [build for build in builds() if not build.endswith("bf16")])
@pytest.mark.parametrize("name", NAMES)
def test_so_does_the_step_in_c_where_it_keeps_float32(name: str, build: str) -> None:
    halt: Halt = "verified" if name in RULED else "learned"
    native, onnx = (solve(STORE.entries[name], backend, 12, ALL, halt) for backend in (f"native, {build}", "onnx"))
    assert {number: essence(outcome) for number, outcome in native.items()} == {number: essence(outcome) for number, outcome in onnx.items()}


@pytest.mark.skipif("avx512_bf16" not in builds(), reason="this CPU does not multiply bfloat16, or there was no compiler")
@pytest.mark.parametrize("name", RULED)
def test_in_bfloat16_it_needs_as_many_steps(name: str) -> None:
    steps = [np.mean([outcome.steps for outcome in solve(STORE.entries[name], backend, 36, ALL).values()]) for backend in ("auto", "onnx")]
    assert 0.85 < steps[0] / steps[1] < 1.15


@pytest.mark.parametrize("backend", ["auto", "onnx"])
@pytest.mark.parametrize("name", RULED)
def test_a_model_solves_what_it_was_trained_for(name: str, backend: str) -> None:
    entry = STORE.entries[name]
    outcomes, answers = solve(entry, backend, 36, ALL), puzzles(name).answers
    verified = [number for number in ALL if outcomes[number].verified]
    assert len(verified) >= 34
    assert all(outcomes[number].cells == answers[number].tobytes() for number in verified)


def test_puzzles_halt_at_different_depths() -> None:
    """Else batching step by step would be for nothing, and the comparison above would show little."""
    depths = [{outcome.steps for outcome in solve(STORE.entries[name], "onnx", 36, ALL).values()} for name in NAMES]
    assert max(map(len, depths)) > 2
