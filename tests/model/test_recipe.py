"""The learning rate and the averaging over a run, and which optimiser takes what."""

import copy
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from app.model.trm import TRM
from app.training.recipes import RECIPES, Recipe
from app.training.train import optimizers, update_ema
from tests.model.runs import CONFIG, RECIPE, run

LONG = Recipe(arch=CONFIG, updates=1000, warmup=100, cooldown=0.3)


def test_the_rate_rises_linearly_to_its_full_value() -> None:
    assert [LONG.factor(update) for update in (0, 49, 99)] == pytest.approx([0.01, 0.5, 1.0])


def test_it_stays_there_until_the_cool_down() -> None:
    assert LONG.cooldown_start == 700
    assert {LONG.factor(update) for update in range(99, 701)} == {1.0}


def test_it_then_falls_to_nothing_steeply_at_first() -> None:
    falling = [LONG.factor(update) for update in range(700, 1001)]
    assert falling == sorted(falling, reverse=True)
    assert LONG.factor(775) == pytest.approx(0.5)
    assert LONG.factor(999) > 0
    assert LONG.factor(1000) == 0


def test_a_cosine_falls_from_the_start_on() -> None:
    cosine = replace(LONG, schedule="cosine", warmup=0)
    falling = [cosine.factor(update) for update in range(1001)]
    assert falling == sorted(falling, reverse=True)
    assert [falling[0], falling[500], falling[1000]] == pytest.approx([1, 0.5, 0])


@pytest.mark.parametrize("schedule", ["flat", "cosine"])
@pytest.mark.parametrize("changes", [{"warmup": 0}, {"cooldown": 0.0}, {"cooldown": 1.0}, {"updates": 1}, {"updates": 2, "warmup": 1000}])
def test_no_recipe_has_a_rate_out_of_bounds(changes: dict[str, float], schedule: str) -> None:
    recipe = LONG.changed({**changes, "schedule": schedule})
    assert all(0 <= recipe.factor(update) <= 1 for update in range(recipe.updates))


def test_every_update_uses_its_rate(tmp_path: Path) -> None:
    training = run(tmp_path)
    for update in range(RECIPE.updates):
        training.step()
        (optimizer,) = training.optimizers
        assert {group["lr"] for group in optimizer.param_groups} == {RECIPE.lr * RECIPE.factor(update)}


def test_only_matrices_decay() -> None:
    (adamw,) = optimizers(TRM(CONFIG), RECIPE)
    decayed, others = adamw.param_groups
    assert decayed["weight_decay"] == RECIPE.weight_decay
    assert others["weight_decay"] == 0
    assert {parameter.ndim for parameter in decayed["params"]} == {2}
    assert {parameter.ndim for parameter in others["params"]} == {1}


def test_muon_takes_the_matrices_of_the_blocks_and_nothing_else() -> None:
    recipe = RECIPES["trm-sudoku-small"]
    model = TRM(recipe.arch)
    muon, adamw = optimizers(model, recipe)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    first, second = ([names[id(p)] for group in each.param_groups for p in group["params"]] for each in (muon, adamw))
    assert all(name.startswith("L_level.layers.") for name in first)
    assert sorted(second) == ["embed_tokens.embedding_weight", "lm_head.weight", "puzzle_emb.weights", "q_head.bias", "q_head.weight"]
    assert len(first) + len(second) == len(names)


def test_averaged_weights_move_by_what_the_decay_leaves() -> None:
    torch.manual_seed(0)
    model, average = TRM(CONFIG), TRM(CONFIG)
    expected = {name: 0.9 * value + 0.1 * dict(model.named_parameters())[name] for name, value in average.named_parameters()}
    update_ema(average, model, 0.9)
    for name, value in average.named_parameters():
        torch.testing.assert_close(value, expected[name])


def test_they_follow_closely_at_first_and_slowly_later(tmp_path: Path) -> None:
    training = run(tmp_path)
    begun = copy.deepcopy(training.ema)
    training.step()
    torch.testing.assert_close(
        list(training.ema.parameters()), [0.1 * a + 0.9 * b for a, b in zip(begun.parameters(), training.model.parameters(), strict=True)]
    )
    training.update, before = 10**6, copy.deepcopy(training.ema)
    training.step()
    for new, old, model in zip(training.ema.parameters(), before.parameters(), training.model.parameters(), strict=True):
        torch.testing.assert_close(new, RECIPE.ema * old + (1 - RECIPE.ema) * model)


def test_the_initial_states_are_not_trained(tmp_path: Path) -> None:
    training = run(tmp_path)
    before = training.model.H_init.clone(), training.model.L_init.clone()
    training.train()
    assert torch.equal(training.model.H_init, before[0])
    assert torch.equal(training.ema.L_init, before[1])
