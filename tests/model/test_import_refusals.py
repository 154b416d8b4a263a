"""Entries other than those of a model of the given config are refused by name, and nothing is written."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.support.checkpoints import PUBLIC, Tensors

KEY = PUBLIC + "L_level.layers.1.mlp.down_proj.weight"
EMBEDDING = PUBLIC + "puzzle_emb.weights"


def changed(run: Path, change: Callable[[Tensors], Any]) -> None:
    """Save the state dict again as `change` leaves it, or what it returns in its place."""
    state = torch.load(run / "step_7", weights_only=True)
    returned = change(state)
    torch.save(state if returned is None else returned, run / "step_7")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (torch.zeros(24, 255), ("mlp.down_proj.weight", "(24, 255)", "(24, 256)")),
        (torch.zeros(24), ("(24,)",)),
        (torch.zeros(24, 256).int(), ("torch.int32",)),
        (torch.zeros(24, 256).double(), ("torch.float64",)),
        (torch.zeros(24, 256).to_sparse(), ("torch.sparse_coo",)),
        (torch.zeros(24, 256, device="meta"), ("meta",)),
        (torch.zeros(1, 1).expand(24, 256), ("claims more numbers", "(24, 256)")),
        (torch.full((24, 256), float("inf")), ("infinite",)),
        (torch.full((24, 256), float("nan")).half(), ("NaN",)),
        ([0.0], ("list",)),
        ({"weight": torch.zeros(24, 256)}, ("dict",)),
        (None, ("NoneType",)),
    ],
)
@pytest.mark.filterwarnings("ignore:Sparse invariant checks")
def test_a_wrong_entry_is_named(run: Path, refused: Callable[..., None], value: object, words: tuple[str, ...]) -> None:
    changed(run, lambda state: state.update({KEY: value}))
    refused("L_level.layers.1.mlp.down_proj.weight", *words)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda state: [state.pop(KEY)].clear(), ("step_7 has no L_level.layers.1.mlp.down_proj.weight",)),
        (lambda state: state.update({PUBLIC + "surprise": torch.zeros(1)}), ("step_7 has besides", "surprise")),
        (lambda state: state.update({f"surprise{n}\n" + "!" * 500: torch.zeros(1) for n in range(100)}), ("step_7 has besides", "surprise", "and 88 more")),
        (lambda state: state.update({"q_head.bias": torch.zeros(2)}), (PUBLIC + "q_head.bias", "both q_head.bias")),
        (lambda state: state.update({7: torch.zeros(2)}), ("key 7",)),
        (lambda state: state.update({EMBEDDING: torch.zeros(2, 24)}), ("puzzle_emb.weights", "(2, 24)", "(1, 24)")),
        (list, ("step_7 holds no state dict", "list")),
        (lambda state: {"model": state}, ("model", "dict")),
        (lambda _: {}, ("0 tensors in all",)),
    ],
)
def test_a_wrong_set_of_entries_is_named(run: Path, refused: Callable[..., None], change: Callable[[Tensors], Any], words: tuple[str, ...]) -> None:
    changed(run, change)
    refused(*words)
