"""The mixer of neighbours: who sees whom, on which grids, and that its step is the same in ONNX."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from app.engine.onnx_runner import OnnxRunner
from app.engine.torch_runner import TorchRunner
from app.errors import InvalidModel
from app.model.config import TRMConfig
from app.model.export import export
from app.model.layers import Neighbourhood
from app.model.trm import TRM
from app.training.mazes import generate

SMALL = TRMConfig(vocab_size=6, seq_len=42, grid_shape=(6, 7), hidden_size=16, num_heads=1, mixer="local", swiglu_multiple=8, H_cycles=1, L_cycles=1)


def of(height: int, width: int) -> TRMConfig:
    return replace(SMALL, seq_len=height * width, grid_shape=(height, width))


def model(config: TRMConfig) -> TRM:
    torch.manual_seed(3)
    return TRM(config).eval()


@pytest.mark.parametrize(("height", "width"), [(6, 7), (7, 6), (5, 5), (1, 9)])
def test_a_cell_sees_itself_and_those_that_touch_it_and_nothing_round_the_corner_of_a_row(height: int, width: int) -> None:
    mixer, x = Neighbourhood(of(height, width)), torch.randn(1, height * width, 16)
    for cell in range(height * width):
        changed = x.clone()
        changed[0, cell] += 1
        moved = (mixer(changed) - mixer(x))[0].abs().amax(-1) > 1e-6
        row, column = divmod(cell, width)
        touching = {(row, column), (row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)}
        assert {divmod(int(each), width) for each in moved.nonzero()[:, 0]} == {(y, x) for y, x in touching if 0 <= y < height and 0 <= x < width}


def test_its_weights_have_the_same_names_and_shapes_whatever_the_grid() -> None:
    small, large = ({name: value.shape for name, value in model(config).state_dict().items()} for config in (SMALL, of(30, 30)))
    assert small == large
    assert small["L_level.layers.0.near.proj.weight"] == (16, 80)


def test_far_from_the_border_it_computes_the_same_on_every_grid() -> None:
    small, large = Neighbourhood(of(6, 7)), Neighbourhood(of(9, 11))
    large.load_state_dict(small.state_dict())
    x = torch.randn(1, 9, 11, 16)
    inner = large(x.view(1, 99, 16)).view(1, 9, 11, 16)[:, 3:7, 3:8]
    torch.testing.assert_close(small(x[:, 2:8, 2:9].reshape(1, 42, 16)).view(1, 6, 7, 16)[:, 1:5, 1:6], inner)


def test_a_step_learns_something_in_every_weight() -> None:
    training = model(SMALL).train()
    output = training(training.fresh(2), torch.ones(2, 42, dtype=torch.long))[1]
    output.logits.square().mean().backward()
    assert all(parameter.grad.abs().sum() > 0 for name, parameter in training.named_parameters() if name.startswith("L_level") and parameter.grad is not None)


@pytest.mark.parametrize(("height", "width"), [(6, 7), (10, 5)])
def test_its_step_is_the_same_in_onnx(tmp_path: Path, height: int, width: int) -> None:
    trained = model(of(height, width))
    export(trained, tmp_path / "step.onnx")
    runners = OnnxRunner(tmp_path / "step.onnx", 5, threads=1), TorchRunner(trained, 5)
    for slot, question in enumerate(generate(height, width, 5, np.random.default_rng(0)).questions):
        for runner in runners:
            runner.load(slot, question)
    for _ in range(3):
        (onnx_answers, onnx_logits), (answers, logits) = (runner.step(5) for runner in runners)
        np.testing.assert_allclose(onnx_logits, logits, atol=1e-4)
        assert (onnx_answers == answers).mean() > 0.99


@pytest.mark.parametrize("backend", ["onnx", "torch"])
def test_one_graph_and_one_set_of_weights_step_grids_of_any_size_each_with_slots_of_its_own(tmp_path: Path, backend: str) -> None:
    trained = model(of(6, 7))
    export(trained, tmp_path / "step.onnx")
    own = OnnxRunner(tmp_path / "step.onnx", 3, threads=1) if backend == "onnx" else TorchRunner(trained, 3)
    for height, width in ((5, 5), (12, 9)):
        other, expected = own.on(height, width), TorchRunner(model(of(height, width)), 3)
        assert (own.cells, other.cells) == (42, height * width)
        for slot, question in enumerate(generate(height, width, 3, np.random.default_rng(1)).questions):
            own.load(slot, np.full(42, 2, dtype=np.uint8))
            for runner in (other, expected):
                runner.load(slot, question)
        for _ in range(2):
            own.step(3)
            (answers, logits), (right, expected_logits) = other.step(3), expected.step(3)
            assert answers.shape == (3, height * width)
            np.testing.assert_allclose(logits, expected_logits, atol=1e-4)
            assert (answers == right).mean() > 0.99


def test_weights_and_graphs_of_one_size_are_refused_for_another(tmp_path: Path) -> None:
    fixed = TRM(replace(SMALL, mixer="attention")).eval()
    export(fixed, tmp_path / "step.onnx")
    for runner in (OnnxRunner(tmp_path / "step.onnx", 1, threads=1), TorchRunner(fixed, 1)):
        with pytest.raises(InvalidModel, match=r"attention|5x5"):
            runner.on(5, 5)


@pytest.mark.parametrize("changes", [{"grid_shape": None}, {"grid_shape": (6, 6)}, {"pos_encodings": "learned"}, {"puzzle_emb_ndim": 16}])
def test_a_config_that_it_cannot_be_made_of_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(InvalidModel, match="grid_shape"):
        TRMConfig.from_json(SMALL.to_json() | changes)
