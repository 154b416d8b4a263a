"""Every public form of a checkpoint comes back from the store with the outputs that it had."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from app.cli import main
from app.engine.onnx_runner import OnnxRunner
from app.errors import InvalidModel
from app.model import weights
from app.model.importing import import_checkpoint
from app.model.store import GRAPH, WEIGHTS, Entry, ModelStore, digest
from app.model.stored import TABLE, Stored
from app.model.trm import TRM
from tests.support.arc import NAMES
from tests.support.checkpoints import PUBLIC, put_checkpoint

LAYOUTS = [
    {"mlp_t": mlp_t, "pos_encodings": positions, "puzzle_emb_ndim": width, "puzzle_emb_len": length}
    for mlp_t in (True, False)
    for positions in ("rope", "learned", "none")
    for width, length in ((0, 0), (24, 3), (30, 0))
]


def imported(tmp_path: Path) -> Entry:
    return import_checkpoint(tmp_path / "run", tmp_path / "store", "given")


def same_outputs(model: TRM, entry: Entry, ids: int = 1, steps: int = 2) -> None:
    """Assert that the model and the entry say the same of random grids."""
    again, cells = weights.load(entry), model.config.seq_len
    tokens, puzzles = torch.randint(0, model.config.vocab_size, (3, cells)), torch.randint(0, ids, (3,))
    carries = [model.fresh(3), again.fresh(3)]
    for _ in range(steps):
        with torch.no_grad():
            (carries[0], expected), (carries[1], found) = model(carries[0], tokens, puzzles), again(carries[1], tokens, puzzles)
        assert torch.equal(found.logits, expected.logits)
        assert torch.equal(found.q_halt, expected.q_halt)


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: "-".join(map(str, layout.values())))
def test_every_layout_gives_the_same_outputs(tmp_path: Path, layout: dict[str, object]) -> None:
    model = put_checkpoint(tmp_path / "run", **layout)
    entry = imported(tmp_path)
    assert entry.config == model.config
    same_outputs(model, entry)


@pytest.mark.parametrize("prefix", [PUBLIC, "model.inner.", "inner.", "model.", "module.", "_orig_mod.", "_orig_mod.module.model.inner.", ""])
@pytest.mark.parametrize("zipped", [True, False])
def test_the_names_of_wrappers_are_left_out(tmp_path: Path, prefix: str, zipped: bool) -> None:
    same_outputs(put_checkpoint(tmp_path / "run", prefix, zipped=zipped), imported(tmp_path))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_numbers_are_widened_but_for_the_puzzle_embedding(tmp_path: Path, dtype: torch.dtype) -> None:
    model = put_checkpoint(tmp_path / "run", num_puzzle_identifiers=5, vocab_size=12, seq_len=900)
    torch.save({PUBLIC + name: value.to(dtype) for name, value in model.state_dict().items()}, tmp_path / "run" / "step_8")
    entry = imported(tmp_path)
    kept = {name for name, value in weights.load_file(entry.folder / WEIGHTS).items() if value.dtype is dtype}
    assert kept == {"puzzle_emb.weights"}
    model.load_state_dict({name: value.to(dtype).float() for name, value in model.state_dict().items()})
    same_outputs(model, entry, ids=5, steps=1)


def test_what_inference_does_not_need_is_dropped(tmp_path: Path) -> None:
    extra = ["puzzle_emb.local_weights", "puzzle_emb.local_ids", "rotary_emb.cos_cached", "L_level.layers.0.self_attn.rotary_emb.sin_cached"]
    model = put_checkpoint(tmp_path / "run", tensors={PUBLIC + name: torch.zeros(2, dtype=torch.int32) for name in extra})
    same_outputs(model, imported(tmp_path))


@pytest.mark.parametrize("mlp_t", [True, False])
def test_the_graph_computes_what_the_model_does(tmp_path: Path, mlp_t: bool) -> None:
    model = put_checkpoint(tmp_path / "run", mlp_t=mlp_t)
    runner = OnnxRunner(imported(tmp_path).file(GRAPH), 4, threads=1)
    tokens, carry = np.random.default_rng(0).integers(1, 6, (4, 16)).astype(np.uint8), model.fresh(4)
    for slot, cells in enumerate(tokens):
        runner.load(slot, cells)
    for _ in range(2):
        answers, logits = runner.step(4)
        with torch.no_grad():
            carry, output = model(carry, torch.from_numpy(tokens).long())
        np.testing.assert_allclose(logits.T, (output.q_halt.numpy(), output.q_continue.numpy()), atol=1e-3)
        assert (answers == output.logits.argmax(-1).numpy()).mean() > 0.95


def test_a_graph_is_fed_the_puzzle_embedding_of_half_numbers(tmp_path: Path) -> None:
    model = put_checkpoint(tmp_path / "run", num_puzzle_identifiers=5, vocab_size=12, seq_len=25)
    model.puzzle_emb.weights.data = model.puzzle_emb.weights.bfloat16()
    torch.save(model.state_dict(), tmp_path / "run" / "step_8")
    model.puzzle_emb.weights.data = model.puzzle_emb.weights.float()
    entry = imported(tmp_path)
    runner = OnnxRunner(entry.file(GRAPH), 5, 1, Stored(entry.file(WEIGHTS), TABLE))
    tokens = np.random.default_rng(0).integers(0, 12, (5, 25)).astype(np.uint8)
    for slot, cells in enumerate(tokens):
        runner.load(slot, cells, slot)
    with torch.no_grad():
        _, output = model(model.fresh(5), torch.from_numpy(tokens).long(), torch.arange(5))
    np.testing.assert_allclose(runner.step(5)[1].T, (output.q_halt.numpy(), output.q_continue.numpy()), atol=1e-3)


@pytest.mark.parametrize(
    ("dataset", "place"),
    [("dataset.json", "identifiers.json"), ("train/dataset.json", "train/identifiers.json"), ("train/dataset.json", "identifiers.json")],
)
def test_the_names_of_puzzles_come_with_the_model(tmp_path: Path, dataset: str, place: str) -> None:
    put_checkpoint(tmp_path / "run", num_puzzle_identifiers=6, vocab_size=12, seq_len=25)
    (tmp_path / "run" / "train").mkdir()
    (tmp_path / "run" / "dataset.json").rename(tmp_path / "run" / dataset)
    (tmp_path / "run" / place).write_text(json.dumps(NAMES))
    entry = imported(tmp_path)
    assert entry.identifiers is not None
    assert list(entry.identifiers) == ["mirror", "fill"]
    assert set(entry.manifest.sha256) == {WEIGHTS, GRAPH, "identifiers.json"}
    assert (entry.manifest.defaults.halt, entry.manifest.defaults.attempts) == ("learned", 8)
    assert "no `identifiers.json`" not in (entry.folder / "README.md").read_text()


def test_without_their_names_no_puzzle_can_be_asked_for_and_the_import_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put_checkpoint(tmp_path / "run", num_puzzle_identifiers=5, vocab_size=12, seq_len=25)
    assert main(["import", str(tmp_path / "run"), "--store", str(tmp_path / "store"), "--name", "given"]) == 0
    assert "no puzzle can be named" in capsys.readouterr().err
    entry = ModelStore(tmp_path / "store").entries["given"]
    assert entry.identifiers is None
    assert "no `identifiers.json`" in (entry.folder / "README.md").read_text()


def test_names_that_are_not_the_models_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    put_checkpoint(tmp_path / "run", num_puzzle_identifiers=5, vocab_size=12, seq_len=25)
    (tmp_path / "run" / "identifiers.json").write_text(json.dumps(NAMES))
    with pytest.raises(InvalidModel, match="it has 6 names, the model 5 puzzle embeddings"):
        imported(tmp_path)
    assert not (tmp_path / "store").exists()


def test_the_card_and_the_manifest_say_what_is_known(tmp_path: Path) -> None:
    put_checkpoint(tmp_path / "run")
    entry = ModelStore(imported(tmp_path).folder.parent).entries["given"]
    assert entry.manifest.sha256 == {file: digest(entry.folder / file) for file in (WEIGHTS, GRAPH)}
    source, card = digest(tmp_path / "run" / "step_7"), (entry.folder / "README.md").read_text()
    assert (entry.manifest.provenance["imported_from"], entry.manifest.provenance["sha256"]) == ("step_7", source)
    for known in ("step_7", source, "sudoku 4x4", "24 channels, 2 layers", "accuracy was not measured"):
        assert known in card
