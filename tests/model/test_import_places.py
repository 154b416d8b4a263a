"""Where a checkpoint and its configs are found, and what becomes of the store's folder."""

import json
from pathlib import Path

import pytest
import torch

from app.cli import main
from app.model.importing import import_checkpoint
from app.model.store import Entry
from tests.support.checkpoints import SIZES


def step(number: int, source: Path) -> Entry:
    """Import, and assert which step was taken: the fixture's steps differ in their numbers alone."""
    entry = import_checkpoint(source, source.parent / "store", "given")
    assert entry.manifest.provenance["imported_from"] == f"step_{number}"
    return entry


def test_of_several_steps_the_last_is_taken(run: Path) -> None:
    for name in ("step_10", "step_9", "step_11_predictions", "best_step_12"):
        (run / name).write_bytes((run / "step_7").read_bytes())
    step(10, run)


def test_a_file_that_is_named_is_the_one(run: Path) -> None:
    (run / "step_9").write_bytes((run / "step_7").read_bytes())
    step(7, run / "step_7")


@pytest.mark.parametrize("part", ["train", "test"])
def test_the_data_sets_config_may_lie_in_a_part_of_it(run: Path, part: str) -> None:
    (run / part).mkdir()
    (run / "dataset.json").rename(run / part / "dataset.json")
    assert step(7, run).config.seq_len == SIZES["seq_len"]


def test_configs_that_are_named_go_before_those_that_are_found(run: Path) -> None:
    arch, dataset = run.parent / "other.yaml", run.parent / "other.json"
    (run / "all_config.yaml").rename(arch)
    dataset.write_text(json.dumps(SIZES | {"seq_len": 36}))
    arguments = ["--config", str(arch), "--dataset", str(dataset), "--store", str(run.parent / "store"), "--name", "six", "--description", "six by six"]
    assert main(["import", str(run / "step_7"), *arguments]) == 0
    manifest = json.loads((run.parent / "store" / "six" / "config.json").read_text())
    assert (manifest["puzzle"], manifest["description"]) == ({"family": "sudoku", "height": 6, "width": 6}, "six by six")


def test_importing_again_replaces_all_of_the_folder(run: Path) -> None:
    first = step(7, run)
    (first.folder / "notes.txt").write_text("of the first")
    again = step(7, run)
    assert {path.name for path in again.folder.parent.iterdir()} == {"given"}
    assert not (again.folder / "notes.txt").exists()


@pytest.mark.parametrize("name", ["../elsewhere", "", ".hidden", "Großmutter", "a/b"])
def test_a_name_that_is_none_is_refused_before_anything_is_written(run: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(run.parent.rglob("*"))
    assert main(["import", str(run), "--store", str(run.parent / "store"), "--name", name]) == 1
    assert "name: " in capsys.readouterr().err
    assert sorted(run.parent.rglob("*")) == before


def test_a_store_that_cannot_be_written_is_named(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (run.parent / "store").write_text("a file")
    assert main(["import", str(run), "--store", str(run.parent / "store"), "--name", "given"]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"trm: {run.parent / 'store' / 'given'} cannot be written: ")
    assert said.count("\n") == 1


def test_weights_that_turn_out_bad_leave_the_store_as_it_was(run: Path) -> None:
    entry = step(7, run)
    before = {path.name: path.read_bytes() for path in entry.folder.iterdir()}
    state = torch.load(run / "step_7", weights_only=True)
    state["_orig_mod.model.inner.q_head.weight"][1, 2] = float("nan")
    torch.save(state, run / "step_8")
    assert main(["import", str(run), "--store", str(entry.folder.parent), "--name", "given"]) == 1
    assert {path.name: path.read_bytes() for path in entry.folder.iterdir()} == before
    assert [path.name for path in entry.folder.parent.iterdir()] == ["given"]
