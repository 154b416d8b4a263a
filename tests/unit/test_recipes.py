"""Named recipes, and what may be changed in them."""

import json
from dataclasses import fields, replace

import pytest

from app.errors import InvalidModel, InvalidRequest
from app.model.config import TRMConfig
from app.training.recipes import RECIPES, named


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_json_that_names_every_field(name) -> None:
    recipe = named(name, {})
    written = json.loads(json.dumps(recipe.to_json()))
    assert set(written) == {field.name for field in fields(recipe)}
    assert TRMConfig.from_json(written["arch"]) == recipe.arch


def test_fields_and_those_of_the_architecture_can_be_changed() -> None:
    changed = named("sudoku", {"updates": 5, "lr": 1e-4, "arch.hidden_size": 48, "arch.num_heads": 3, "data": ("a.csv",)})
    arch = replace(RECIPES["sudoku"].arch, hidden_size=48, num_heads=3)
    assert changed == replace(RECIPES["sudoku"], updates=5, lr=1e-4, arch=arch, data=("a.csv",))
    assert RECIPES["sudoku"].updates != 5


@pytest.mark.parametrize(
    ("changes", "word"),
    [({"update": 5}, "update"), ({"updates": 0}, "updates"), ({"updates": "many"}, "updates"), ({"schedule": "steep"}, "schedule"), ({"guess": 1.5}, "guess")],
)
def test_a_wrong_change_is_named(changes, word) -> None:
    with pytest.raises(InvalidRequest, match=word):
        named("sudoku", changes)


@pytest.mark.parametrize(("changes", "word"), [({"arch.width": 5}, "width"), ({"arch.hidden_size": 100}, "num_heads"), ({"arch.H_cycles": "2"}, "H_cycles")])
def test_so_is_one_of_the_architecture(changes, word) -> None:
    with pytest.raises(InvalidModel, match=word):
        named("sudoku", changes)


def test_an_unknown_recipe_is_told_which_there_are() -> None:
    with pytest.raises(InvalidRequest, match="trm-sudoku-small"):
        named("cake", {})


def test_the_fastest_recipe_has_the_figures_that_were_published() -> None:
    full = RECIPES["trm-sudoku"]
    assert (full.arch.hidden_size, full.arch.mixer, full.arch.prefix_len, full.arch.H_cycles, full.arch.L_cycles) == (512, "mlp", 1, 6, 9)
    assert (full.updates, full.slots, full.label_smoothing, full.q_weight, full.muon_lr, full.muon_weight_decay) == (8000, 384, 0.2, 0.05, 0.02, 0.005)
    assert [full.averaging(update) for update in (0, 4999, 10_000)] == [0, 0, 0.9]
