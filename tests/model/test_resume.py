"""A run that was interrupted and resumed ends bit for bit where an uninterrupted one does."""

import csv
import hashlib
import resource
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from app.errors import InvalidModel, InvalidRequest
from app.training.curves import draw
from app.training.recipes import RECIPES, Recipe
from tests.model.runs import ARC, MAZES, RECIPE, run


def content(path: Path) -> dict[str, bytes]:
    """All tensors of a file, as bytes: weights, EMA, optimiser, slots, generators."""
    return {name: value.tobytes() for name, value in load_file(path).items()}


PAPER = replace(RECIPES["trm-sudoku-small"], updates=12, slots=8, ema_start=6).changed(
    {"arch.seq_len": 16, "arch.hidden_size": 64, "arch.puzzle_emb_ndim": 64, "arch.num_heads": 1, "arch.H_cycles": 1, "arch.L_cycles": 1}
)


@pytest.mark.parametrize("recipe", [RECIPE, PAPER, MAZES, ARC], ids=["units", "paper", "mazes", "arc"])
@pytest.mark.parametrize("interrupted_at", [1, 5, 9, 11])
def test_an_interrupted_run_ends_where_an_uninterrupted_one_does(tmp_path: Path, interrupted_at: int, recipe: Recipe) -> None:
    run(tmp_path / "whole", recipe).train()
    first = run(tmp_path / "parts", recipe)
    for _ in range(interrupted_at):
        first.step()
    first.save(first.path)
    second = run(tmp_path / "parts", recipe)
    assert second.update == interrupted_at
    second.train()
    whole, parts = content(tmp_path / "whole" / "state.safetensors"), content(tmp_path / "parts" / "state.safetensors")
    assert {name.partition(".")[0] for name in whole} == {"model", "ema", "optimizer", "slots", "generators"}
    assert parts == whole


def test_one_that_is_killed_between_two_saves_goes_back_to_the_last(tmp_path: Path) -> None:
    run(tmp_path / "whole").train(every=5)
    killed = run(tmp_path / "parts")
    killed_at, step = 8, killed.step

    def dying() -> dict[str, float]:
        if killed.update == killed_at:
            raise KeyboardInterrupt
        return step()

    killed.step = dying  # type: ignore[method-assign]  # this one run is to die in the middle
    with pytest.raises(KeyboardInterrupt):
        killed.train(every=5)
    again = run(tmp_path / "parts")
    assert again.update == 5
    again.train(every=5)
    assert content(tmp_path / "parts" / "state.safetensors") == content(tmp_path / "whole" / "state.safetensors")


def test_the_state_before_the_cooldown_is_kept(tmp_path: Path) -> None:
    run(tmp_path / "a").train()
    half = run(tmp_path / "b")
    for _ in range(RECIPE.cooldown_start):
        half.step()
    half.save(half.path)
    assert content(tmp_path / "a" / "stable.safetensors") == content(half.path)


def test_a_finished_run_does_nothing_more(tmp_path: Path) -> None:
    run(tmp_path).train()
    before = hashlib.sha256((tmp_path / "state.safetensors").read_bytes()).digest()
    run(tmp_path).train()
    assert hashlib.sha256((tmp_path / "state.safetensors").read_bytes()).digest() == before


def test_other_seeds_give_other_weights(tmp_path: Path) -> None:
    run(tmp_path / "a").train()
    run(tmp_path / "b", replace(RECIPE, seed=2)).train()
    assert content(tmp_path / "a" / "state.safetensors") != content(tmp_path / "b" / "state.safetensors")


def test_the_curve_has_a_line_for_every_save_and_is_gone_on_with(tmp_path: Path) -> None:
    first = run(tmp_path, replace(RECIPE, updates=10))
    first.train(every=5)
    run(tmp_path, replace(RECIPE, updates=20)).train(every=5)
    with (tmp_path / "curve.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["update"]) for row in rows] == [5, 10, 15, 20]
    assert all(float(row["loss"]) > 0 for row in rows)


def test_what_the_curve_tells_of_updates_that_are_taken_again_is_left_out(tmp_path: Path) -> None:
    begun = run(tmp_path, replace(RECIPE, updates=5))
    begun.train(every=5)
    with (tmp_path / "curve.csv").open("a", newline="") as file:
        file.write("10,1.0\r\n12,0.")  # it was killed before the state of update 10 was kept, and while a line was written
    run(tmp_path, replace(RECIPE, updates=10)).train(every=5)
    with (tmp_path / "curve.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["update"]) for row in rows] == [5, 10]
    assert all(float(row["seconds"]) > 0 for row in rows)


def test_a_curve_of_a_run_that_has_no_state_yet_begins_anew(tmp_path: Path) -> None:
    (tmp_path / "curve.csv").write_text("update,rate\r\n50,1\r\n")
    run(tmp_path)
    assert not (tmp_path / "curve.csv").exists()


@pytest.mark.parametrize("change", [{"seed": 2}, {"slots": 9}, {"optimizer": "muon"}])
def test_a_state_goes_on_only_with_what_it_was_made_with(tmp_path: Path, change: dict[str, object]) -> None:
    first = run(tmp_path)
    first.save(first.path)
    before = (tmp_path / "recipe.json").read_text()
    (name,) = change
    with pytest.raises(InvalidRequest, match=f"begun with {name} {getattr(RECIPE, name)}"):
        run(tmp_path, RECIPE.changed(change))
    assert (tmp_path / "recipe.json").read_text() == before


def test_a_disk_that_is_full_leaves_the_last_state(tmp_path: Path) -> None:
    first = run(tmp_path)
    first.save(first.path)
    before, limits = content(first.path), resource.getrlimit(resource.RLIMIT_FSIZE)
    first.step()
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(InvalidModel, match=r"state\.safetensors cannot be written"):
            first.save(first.path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert content(first.path) == before
    assert not list(tmp_path.glob("*.partial"))


def test_a_file_that_is_no_state_is_refused_by_name(tmp_path: Path) -> None:
    save_file({"x": np.zeros(1)}, tmp_path / "state.safetensors")
    with pytest.raises(InvalidModel, match=r"state\.safetensors is not the state of a run"):
        run(tmp_path)


def test_the_curve_can_be_drawn(tmp_path: Path) -> None:
    run(tmp_path).train(every=3)
    assert draw(tmp_path).read_bytes().startswith(b"\x89PNG")


def test_no_half_written_state_is_left(tmp_path: Path) -> None:
    run(tmp_path).train(every=2)
    assert not list(tmp_path.glob("*.partial"))


def test_the_state_of_another_architecture_is_refused_by_name(tmp_path: Path) -> None:
    first = run(tmp_path)
    first.save(first.path)
    with pytest.raises(InvalidModel, match=r"state\.safetensors"):
        run(tmp_path, RECIPE.changed({"arch.hidden_size": 48}))


def test_so_is_a_state_cut_short(tmp_path: Path) -> None:
    first = run(tmp_path)
    first.save(first.path)
    first.path.write_bytes(first.path.read_bytes()[:-100])
    with pytest.raises(InvalidModel, match=r"state\.safetensors"):
        run(tmp_path)


@pytest.mark.parametrize("recipe", [RECIPE, MAZES], ids=["units", "mazes"])
def test_a_run_learns(tmp_path: Path, recipe: Recipe) -> None:
    learning = run(tmp_path, replace(recipe, updates=120, slots=32))
    figures = [learning.step() for _ in range(120)]
    early, late = (sum(each["loss"] for each in part) / 20 for part in (figures[:20], figures[-20:]))
    assert late < 0.7 * early
