"""An ARC model from the command line: trained, resumed, exported with its ids, measured on test grids, and a teacher."""

import json
from pathlib import Path

import pytest

from app.cli import main
from app.model.store import ModelStore
from tests.support.arc import put_tasks, task

Said = pytest.CaptureFixture[str]
SMALL = [
    "arch.seq_len=25",
    "arch.hidden_size=16",
    "arch.puzzle_emb_ndim=16",
    "arch.num_heads=1",
    "arch.H_cycles=1",
    "arch.L_cycles=1",
]
SET = [part for change in [*SMALL, "slots=8", "copies=3", "updates=6"] for part in ("--set", change)]


def trained(root: Path, *changes: str) -> int:
    return main(["train", str(root / "run"), "--recipe", "arc", "--data", str(root / "tasks"), "--no-compile", *SET, *changes])


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with tasks, a run on them and the store that it was exported to."""
    root = tmp_path_factory.mktemp("arc")
    put_tasks(root / "tasks", "a", "b")
    assert trained(root) == 0
    assert main(["export", str(root / "run"), "--store", str(root / "store"), "--name", "arc", "--max-steps", "3", "--attempts", "4"]) == 0
    return root


def test_the_model_knows_its_tasks_and_halts_by_its_head(root: Path) -> None:
    entry = ModelStore(root / "store").entries["arc"]
    assert entry.identifiers is not None
    assert list(entry.identifiers) == ["a", "b"]
    assert (entry.manifest.defaults.halt, entry.manifest.guesses, entry.config.num_puzzle_identifiers) == ("learned", None, 9)
    assert len(entry.identifiers.copies("a", 99)) == 4


@pytest.mark.parametrize("backend", ["onnx", "torch"])
def test_it_is_measured_on_the_test_grids(root: Path, capsys: Said, backend: str) -> None:
    assert main(["evaluate", "arc", "--store", str(root / "store"), "--data", str(root / "tasks"), "--backend", backend]) == 0
    out = capsys.readouterr().out.splitlines()
    (report,) = json.loads(out[-1])["reports"]
    assert (report["tasks"], report["tests"], report["attempts"]) == (2, 2, 4)
    assert 0 <= report["first"] <= 1
    assert report["voted"] <= report["best_two"]
    assert out[0].startswith("| data | tasks | test grids |")


def test_a_task_that_it_was_not_trained_on_cannot_be_measured(root: Path, tmp_path: Path, capsys: Said) -> None:
    assert main(["evaluate", "arc", "--store", str(root / "store"), "--data", str(put_tasks(tmp_path, "c"))]) == 1
    assert "was not trained on the task c" in capsys.readouterr().err


def test_nor_can_a_test_grid_without_an_answer(root: Path, tmp_path: Path, capsys: Said) -> None:
    given = task()
    del given["test"][0]["output"]
    (tmp_path / "a.json").write_text(json.dumps(given))
    assert main(["evaluate", "arc", "--store", str(root / "store"), "--data", str(tmp_path)]) == 1
    assert "task a: test pair 1 has no output" in capsys.readouterr().err


def test_the_same_command_resumes_and_other_tasks_are_refused(root: Path, capsys: Said) -> None:
    assert trained(root, "--set", "updates=8") == 0
    assert "8 updates" in capsys.readouterr().out
    kept = (root / "run" / "identifiers.json").read_bytes()
    assert trained(root, "--set", "copies=2") == 1
    assert "was begun with other tasks or copies" in capsys.readouterr().err
    assert (root / "run" / "identifiers.json").read_bytes() == kept


def test_without_tasks_there_is_nothing_to_train_on(root: Path, capsys: Said) -> None:
    assert main(["train", str(root / "none"), "--recipe", "arc"]) == 1
    assert "there are no ARC tasks" in capsys.readouterr().err
    assert not (root / "none").exists()


def test_a_model_of_the_same_tasks_and_copies_can_teach(root: Path, capsys: Said) -> None:
    taught = ["train", str(root / "taught"), "--recipe", "arc", "--data", str(root / "tasks"), "--no-compile", *SET]
    teacher = ["--store", str(root / "store"), "--teacher", "arc"]
    assert main([*taught, *teacher, "--set", "seed=2"]) == 1
    assert "the teacher arc was trained on other tasks or copies" in capsys.readouterr().err
    assert not (root / "taught").exists()
    assert main([*taught, *teacher]) == 0
    assert json.loads((root / "taught" / "recipe.json").read_text())["teacher"].startswith("arc ")
