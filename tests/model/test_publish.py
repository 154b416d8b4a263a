"""From a training run to the store and back: the averaged weights, the same outputs, all files described."""

import json
import stat
from pathlib import Path

import numpy as np
import pytest
import torch

from app.engine.onnx_runner import OnnxRunner
from app.engine.torch_runner import TorchRunner
from app.errors import InvalidModel
from app.model import weights
from app.model.store import GRAPH, MANIFEST, WEIGHTS, Defaults, Entry, ModelStore, digest
from app.training.publish import publish
from app.training.train import Run
from tests.model.runs import CONFIG, puzzles, run

DEFAULTS = Defaults(halt="verified", max_steps=8, attempts=2)


@pytest.fixture
def trained(tmp_path: Path) -> Run:
    training = run(tmp_path / "run")
    training.train()
    return training


def put(training: Run, store: Path, **changes: object) -> Entry:
    values = {"description": "a tiny model", "defaults": DEFAULTS, "provenance": {"updates": training.update}}
    return publish(training.folder, store, "tiny", CONFIG, **(values | changes))


def test_what_is_published_are_the_averaged_weights(trained: Run, tmp_path: Path) -> None:
    model = weights.load(put(trained, tmp_path / "store"))
    for (name, value), average, last in zip(model.named_parameters(), trained.ema.parameters(), trained.model.parameters(), strict=True):
        assert torch.equal(value, average), name
        assert not torch.equal(value, last), name


def test_the_store_gives_the_same_outputs_back(trained: Run, tmp_path: Path) -> None:
    put(trained, tmp_path / "store")
    entry = ModelStore(tmp_path / "store").entries["tiny"]
    questions, trained_model = puzzles().questions[:6], trained.ema.eval()
    runners = OnnxRunner(entry.file(GRAPH), 6, threads=1), TorchRunner(weights.load(entry), 6)
    carry = trained_model.fresh(6)
    for slot, question in enumerate(questions):
        for runner in runners:
            runner.load(slot, question)
    for _ in range(4):
        with torch.no_grad():
            carry, output = trained_model(carry, torch.from_numpy(questions).long())
        for runner in runners:
            answers, logits = runner.step(6)
            np.testing.assert_allclose(logits.T, (output.q_halt.numpy(), output.q_continue.numpy()), atol=1e-4)
            assert (answers == output.logits.argmax(-1).numpy()).mean() > 0.99


def test_a_request_may_ask_for_more_attempts_than_any_model_of_ours_makes_by_itself(trained: Run, tmp_path: Path) -> None:
    entry = put(trained, tmp_path / "store", defaults=DEFAULTS.model_copy(update={"attempts": 768}))
    assert entry.manifest.limits.attempts > entry.manifest.defaults.attempts == 768


def test_every_file_is_described_by_its_digest(trained: Run, tmp_path: Path) -> None:
    entry = put(trained, tmp_path / "store")
    assert entry.manifest.sha256 == {name: digest(entry.folder / name) for name in (WEIGHTS, GRAPH)}
    assert entry.config == CONFIG
    assert entry.manifest.provenance["updates"] == trained.update
    assert entry.manifest.provenance["recipe"]["lr"] == trained.recipe.lr
    assert entry.version == entry.manifest.sha256[WEIGHTS][:12]


def test_whoever_serves_may_read_them(trained: Run, tmp_path: Path) -> None:
    entry = put(trained, tmp_path / "store")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in entry.folder.iterdir()}
    assert {name for name, mode in modes.items() if not mode & stat.S_IROTH} == set()


def test_publishing_again_keeps_the_card_and_forgets_the_accuracy(trained: Run, tmp_path: Path) -> None:
    first = put(trained, tmp_path / "store")
    (first.folder / "README.md").write_text("a card")
    config = json.loads((first.folder / MANIFEST).read_text())
    config["accuracy"] = [{"data": "some", "puzzles": 1, "solved": 1.0, "mean_steps": 1.0}]
    (first.folder / MANIFEST).write_text(json.dumps(config))
    second = put(trained, tmp_path / "store", description="")
    assert (second.folder / "README.md").read_text() == "a card"
    assert second.manifest.description == "a tiny model"
    assert second.manifest.accuracy == []
    assert [path.name for path in (tmp_path / "store").iterdir()] == ["tiny"]


def test_a_run_that_fails_to_publish_leaves_the_store_as_it_was(trained: Run, tmp_path: Path) -> None:
    first = put(trained, tmp_path / "store")
    before = {path.name: path.read_bytes() for path in first.folder.iterdir()}
    trained.path.write_bytes(trained.path.read_bytes()[:-100])
    with pytest.raises(InvalidModel, match=r"state\.safetensors"):
        put(trained, tmp_path / "store")
    assert {path.name: path.read_bytes() for path in first.folder.iterdir()} == before
    assert list(ModelStore(tmp_path / "store").entries) == ["tiny"]
