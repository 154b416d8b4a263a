"""Weights that do not fit their config are refused, and the message names the file."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from safetensors.torch import load_file, save_file

from app.engine.native.builds import builds
from app.engine.native_runner import NativeRunner
from app.engine.onnx_runner import OnnxRunner
from app.errors import InvalidModel
from app.model import weights
from app.model.store import GRAPH, WEIGHTS, Entry, digest, read, write
from tests.support.models import put_model

Tensors = dict[str, torch.Tensor]


@pytest.fixture
def entry(tmp_path: Path) -> Entry:
    return read(put_model(tmp_path, "tiny", 4))


def described(entry: Entry) -> Entry:
    """The entry with the digests of the files that are there now."""
    return write(entry.folder, entry.manifest.model_copy(update={"sha256": {name: digest(entry.folder / name) for name in (WEIGHTS, GRAPH)}}))


def without(tensors: Tensors) -> Tensors:
    return {name: value for name, value in tensors.items() if name != "lm_head.weight"}


def misshapen(tensors: Tensors) -> Tensors:
    return tensors | {"lm_head.weight": tensors["lm_head.weight"][:-1].contiguous()}


def extended(tensors: Tensors) -> Tensors:
    return tensors | {"surprise": torch.zeros(1)}


def test_sound_weights_come_back_as_they_were_saved(entry: Entry, tmp_path: Path) -> None:
    model = weights.load(entry)
    weights.save(model, tmp_path / "again.safetensors")
    before, after = load_file(entry.folder / WEIGHTS), load_file(tmp_path / "again.safetensors")
    assert before.keys() == after.keys() == model.state_dict().keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert not model.training


@pytest.mark.parametrize(("harm", "word"), [(without, "lm_head.weight"), (misshapen, "lm_head.weight"), (extended, "surprise")])
def test_weights_that_do_not_fit_are_refused_by_name(entry: Entry, harm: Callable[[Tensors], Tensors], word: str) -> None:
    path = entry.folder / WEIGHTS
    save_file(harm(load_file(path)), path)
    with pytest.raises(InvalidModel) as caught:
        weights.load(described(entry))
    assert str(path) in caught.value.detail
    assert word in caught.value.detail


@pytest.mark.parametrize("left", [0, 4, 100, -1, -1000])
def test_a_file_cut_short_is_refused_by_name(entry: Entry, left: int) -> None:
    path = entry.folder / WEIGHTS
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(InvalidModel, match=str(path)):
        weights.load(described(entry))


def test_a_pickle_is_refused_and_not_run(entry: Entry, tmp_path: Path) -> None:
    torch.save({"lm_head.weight": torch.zeros(1)}, entry.folder / WEIGHTS)
    with pytest.raises(InvalidModel, match=WEIGHTS):
        weights.load(described(entry))


def test_a_file_that_changed_is_refused_before_it_is_read(entry: Entry) -> None:
    path = entry.folder / WEIGHTS
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    with pytest.raises(InvalidModel, match="sha256"):
        weights.load(entry)


@pytest.mark.parametrize("left", [0, 10, 1000, -100])
def test_a_graph_cut_short_is_refused_by_name(entry: Entry, left: int) -> None:
    path = entry.folder / GRAPH
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(InvalidModel, match=str(path)):
        OnnxRunner(path, 1, threads=1)


def test_a_graph_of_something_else_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "other.onnx"
    values = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in ("x", "y")]
    graph = onnx.helper.make_graph([onnx.helper.make_node("Relu", ["x"], ["y"])], "other", values[:1], values[1:])
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9), str(path))
    with pytest.raises(InvalidModel, match=str(path)):
        OnnxRunner(path, 1, threads=1)


def test_the_graph_knows_the_initial_states(entry: Entry) -> None:
    model, runner = weights.load(entry), OnnxRunner(entry.file(GRAPH), 1, threads=1)
    np.testing.assert_array_equal(runner.H_init, model.H_init.numpy())
    np.testing.assert_array_equal(runner.L_init, model.L_init.numpy())


@pytest.mark.parametrize("build", builds())
def test_the_step_in_c_refuses_weights_that_do_not_fit_and_names_them(entry: Entry, build: str) -> None:
    path, config = entry.folder / WEIGHTS, entry.config
    tensors = load_file(path)
    NativeRunner(path, config, 1, build)
    for name, tensor in tensors.items():
        save_file({**tensors, name: tensor[:-1].clone()}, path)
        with pytest.raises(InvalidModel, match=f"{path}: {name} is .*not of shape"):
            NativeRunner(path, config, 1, build)
        save_file({other: each for other, each in tensors.items() if other != name}, path)
        with pytest.raises(InvalidModel, match=f"{path}: {name} is missing"):
            NativeRunner(path, config, 1, build)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InvalidModel, match=str(path)):
        NativeRunner(path, config, 1, build)
