"""Torch and ONNX Runtime agree on every architecture, at every batch size, step after step."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.engine.onnx_runner import OnnxRunner
from app.engine.torch_runner import TorchRunner
from app.model.config import TRMConfig
from app.model.export import export
from app.model.trm import TRM
from tests.support.models import random_model
from tests.support.stores import tiny

PLAIN = replace(tiny(4), mixer="attention", box_shape=None, num_heads=2, q_head_input="mean")
CONFIGS = {
    "units-4": tiny(4, q_head_input="mean"),
    "units-6": tiny(6, H_cycles=2, L_cycles=2),
    "units-9": tiny(9, L_layers=2, pos_encodings="learned"),
    "attention-rope": replace(PLAIN, pos_encodings="rope", puzzle_emb_ndim=24, puzzle_emb_len=3),
    "attention-learned": replace(PLAIN, pos_encodings="learned"),
    "local": replace(PLAIN, mixer="local", grid_shape=(4, 4)),
    "mlp": replace(PLAIN, mixer="mlp", q_head_input="first"),
}


@pytest.fixture(scope="module", params=CONFIGS)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[TRM, Path]:
    config: TRMConfig = CONFIGS[request.param]
    made, path = random_model(config), tmp_path_factory.mktemp("graph") / "step.onnx"
    export(made, path)
    return made, path


@pytest.mark.parametrize("size", [1, 3, 8])
def test_halting_logits_are_equal_and_answers_where_the_margin_is_clear(model: tuple[TRM, Path], size: int) -> None:
    trm, path = model
    runners = TorchRunner(trm, size), OnnxRunner(path, size, threads=1)
    puzzles = np.random.default_rng(size).integers(1, 10, (size, trm.config.seq_len), dtype=np.uint8)
    for slot, puzzle in enumerate(puzzles):
        for runner in runners:
            runner.load(slot, puzzle)
    for _ in range(6):
        (answers, logits), (others, other_logits) = (runner.step(size) for runner in runners)
        assert np.abs(logits - other_logits).max() < 1e-4
        clear = margins(trm, runners[0], size) > 1e-3
        assert clear.mean() > 0.5
        assert (answers == others)[clear].all()


def margins(trm: TRM, runner: TorchRunner, size: int) -> np.ndarray:
    """By how much the best token of each cell wins, (size, cells)."""
    best = trm.lm_head(runner.state.carry.z_H[:size, trm.config.prefix_len :]).topk(2).values.numpy()
    return best[..., 0] - best[..., 1]
