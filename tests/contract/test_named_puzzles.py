"""Runners of models whose puzzles have embeddings: the right row goes with the puzzle, wherever it moves, from whatever file it is read."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from safetensors.torch import save_file

from app.engine.native.builds import builds
from app.engine.native_runner import NativeRunner
from app.engine.onnx_runner import OnnxRunner
from app.engine.runner import Runner
from app.engine.torch_runner import TorchRunner
from app.errors import InvalidModel
from app.model import weights
from app.model.export import export
from app.model.stored import TABLE, Stored
from app.model.trm import TRM, Carry
from tests.support.arc import config
from tests.support.models import random_model

CELLS = np.random.default_rng(0).integers(0, 12, (3, 25), dtype=np.uint8)


@pytest.fixture(scope="module")
def model() -> TRM:
    return random_model(config())


@pytest.fixture(scope="module")
def files(model: TRM, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("named")
    weights.save(model, folder / "model.safetensors")
    export(model, folder / "step.onnx")
    return folder


@pytest.fixture(params=["torch", "onnx", *(build for build in builds() if not build.endswith("bf16"))])
def runner(request: pytest.FixtureRequest, model: TRM, files: Path) -> Runner:
    if request.param == "torch":
        return TorchRunner(weights.read(files / "model.safetensors", model.config), 4)
    if request.param in builds():
        return NativeRunner(files / "model.safetensors", model.config, 4, request.param)
    return OnnxRunner(files / "step.onnx", 4, 1, Stored(files / "model.safetensors", TABLE))


def expected(model: TRM, cells: np.ndarray, puzzle_id: int, steps: int) -> float:
    """The halting logit that the model itself gives."""
    carry: Carry = model.fresh(1)
    with torch.no_grad():
        for _ in range(steps):
            carry, output = model(carry, torch.from_numpy(cells[None]).long(), torch.tensor([puzzle_id]))
    return float(output.q_halt[0])


def test_each_slot_has_the_embedding_that_it_was_loaded_with(model: TRM, runner: Runner) -> None:
    for slot, puzzle_id in enumerate((4, 1, 5)):
        runner.load(slot, CELLS[slot], puzzle_id)
    for step in (1, 2):
        _, logits = runner.step(3)
        assert logits[:, 0] == pytest.approx([expected(model, CELLS[slot], puzzle_id, step) for slot, puzzle_id in enumerate((4, 1, 5))], abs=1e-4)


def test_it_moves_with_the_slot_and_is_replaced_by_the_next_load(model: TRM, runner: Runner) -> None:
    runner.load(0, CELLS[0], 2)
    runner.load(1, CELLS[1], 3)
    runner.step(2)
    runner.swap(1, 0)
    runner.load(1, CELLS[2], 5)
    _, logits = runner.step(2)
    assert logits[:, 0] == pytest.approx([expected(model, CELLS[1], 3, 2), expected(model, CELLS[2], 5, 1)], abs=1e-4)


def test_the_graph_has_no_table(files: Path) -> None:
    graph = onnx.load(str(files / "step.onnx")).graph
    assert [each.name for each in graph.input] == ["tokens", "z_H", "z_L", "puzzle"]
    assert not any("puzzle" in each.name for each in graph.initializer)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_rows_are_read_exactly_in_every_type(tmp_path: Path, dtype: torch.dtype) -> None:
    rows = torch.randn(7, 5).to(dtype)
    weights.write({"puzzle_emb.weights": rows, "a": torch.ones(3), "z": torch.ones(2, dtype=torch.float16)}, tmp_path / "file")
    table = Stored(tmp_path / "file", TABLE)
    assert all((table[row] == rows[row].float().numpy()).all() for row in range(7))
    assert table[3].dtype == np.float32


def test_a_file_without_a_table_is_refused_by_name(tmp_path: Path) -> None:
    save_file({"other": torch.ones(2)}, tmp_path / "other")
    (tmp_path / "text").write_text("no weights")
    (tmp_path / "short").write_bytes((200).to_bytes(8, "little"))
    for name in ("other", "text", "short", "missing"):
        with pytest.raises(InvalidModel, match=str(tmp_path / name)):
            Stored(tmp_path / name, TABLE)


def test_so_is_a_table_of_another_shape(files: Path) -> None:
    file = files / "model.safetensors"
    rows, width = Stored(file, TABLE).shape
    assert Stored(file, TABLE, (rows, width)).shape == (rows, width)
    with pytest.raises(InvalidModel, match=f"{file}: {TABLE} is .*not of shape"):
        Stored(file, TABLE, (rows + 1, width))
