"""Torch, ONNX Runtime and the step in C agree on every architecture, at every batch size, step after step."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from app.engine.native.builds import build_for, builds
from app.engine.native_runner import NativeRunner
from app.engine.onnx_runner import OnnxRunner
from app.engine.runner import Runner
from app.engine.torch_runner import TorchRunner
from app.model import weights
from app.model.config import TRMConfig
from app.model.export import export
from app.model.layers import Attention, Linear
from app.model.store import GRAPH, WEIGHTS
from app.model.trm import TRM
from tests.support.models import random_model
from tests.support.stores import tiny

PLAIN = replace(tiny(4), mixer="attention", box_shape=None, hidden_size=64, num_heads=2, swiglu_multiple=16, q_head_input="mean")
NAMED = {"puzzle_emb_ndim": 100, "puzzle_emb_len": 3}
CONFIGS = {
    "units-4": tiny(4, q_head_input="mean"),
    "units-6": tiny(6, H_cycles=2, L_cycles=2),
    "units-9": tiny(9, L_layers=2, pos_encodings="learned"),
    "attention-rope": replace(PLAIN, pos_encodings="rope", **NAMED),
    "attention-learned": replace(PLAIN, pos_encodings="learned", L_cycles=2),
    "attention of a large grid": replace(PLAIN, seq_len=12 * 12, pos_encodings="rope", gate="sigmoid_norm"),
    "local": replace(PLAIN, mixer="local", grid_shape=(4, 4)),
    "mlp": replace(PLAIN, mixer="mlp", q_head_input="first"),
    "mlp of a large grid": replace(PLAIN, mixer="mlp", seq_len=12 * 12, pos_encodings="learned", gate="sigmoid_norm", **NAMED),
    "mlp of no square": replace(PLAIN, mixer="mlp", seq_len=10 * 15, pos_encodings="rope"),
    "attention of no square": replace(PLAIN, seq_len=5 * 7),
    "many symbols and puzzle positions": replace(PLAIN, mixer="mlp", seq_len=11 * 11, vocab_size=256, expansion=1.0, puzzle_emb_ndim=1000, puzzle_emb_len=16),
    "mlp of many channels": replace(PLAIN, mixer="mlp", seq_len=9, hidden_size=144, num_heads=3, L_layers=2),
}
UNKNOWN = replace(PLAIN, num_heads=4, hidden_size=96)
"""To the step in C: heads of 24 channels."""

ROUNDING = [build for build in builds() if build.endswith("bf16")]
EXACT = [build for build in builds() if build not in ROUNDING]

NARROW = {name: config for name, config in CONFIGS.items() if name != "units-9"}  # whose numbers are so small that rounding tells little
NARROW["local, rows and channels that fill no tiles"] = replace(CONFIGS["local"], grid_shape=(9, 9), seq_len=81, hidden_size=80)


@pytest.fixture(scope="module", params=CONFIGS)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[TRM, Path]:
    """A model, and the folder with its graph and weights."""
    config: TRMConfig = CONFIGS[request.param]
    made, folder = random_model(config), tmp_path_factory.mktemp("model")
    export(made, folder / GRAPH)
    weights.save(made, folder / WEIGHTS)
    return made, folder


def others(trm: TRM, folder: Path, size: int) -> list[Runner]:
    """What must agree with torch: ONNX Runtime, and the builds of the step in C that keep float32."""
    natives = [NativeRunner(folder / WEIGHTS, trm.config, size, build) for build in EXACT if build_for(trm.config)]
    return [OnnxRunner(folder / GRAPH, size, threads=1), *natives]


@pytest.mark.parametrize("size", [1, 3, 8])
def test_halting_logits_are_equal_and_answers_where_the_margin_is_clear(model: tuple[TRM, Path], size: int) -> None:
    trm, folder = model
    torch_runner, runners = TorchRunner(trm, size), others(trm, folder, size)
    for slot, puzzle in enumerate(np.random.default_rng(size).integers(1, 10, (size, trm.config.seq_len), dtype=np.uint8)):
        for runner in (torch_runner, *runners):
            runner.load(slot, puzzle)
    for _ in range(6):
        answers, logits = torch_runner.step(size)
        clear = margins(trm, torch_runner, size) > 1e-3
        assert clear.mean() > 0.5
        for runner in runners:
            given, opinions = runner.step(size)
            assert np.abs(logits - opinions).max() < 1e-4
            assert (answers == given)[clear].all()


@pytest.mark.skipif(not builds(), reason="this CPU runs no build of the step in C, or there was no compiler")
def test_the_step_in_c_knows_all_of_these_and_of_no_odd_sizes() -> None:
    assert all(build_for(config) for config in CONFIGS.values())
    assert build_for(UNKNOWN) is None


def narrow(x: torch.Tensor) -> torch.Tensor:
    return x.bfloat16().float()


class Rounded(Linear):
    """A linear map whose inputs and weights are rounded to bfloat16, its sums in float32."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.linear(narrow(x), narrow(self.weight), self.bias)


class RoundedAttention(Attention):
    """Attention whose two products have inputs rounded to bfloat16: the weights of its softmax before they are divided by their sum."""

    def attend(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        score = narrow(q * self.head_dim**-0.5) @ narrow(k).transpose(-1, -2)
        weight = torch.exp(score - score.amax(-1, keepdim=True))
        return narrow(weight) @ narrow(v) / weight.sum(-1, keepdim=True)


@pytest.mark.parametrize("build", ROUNDING)
@pytest.mark.parametrize("name", NARROW)
def test_in_bfloat16_a_step_is_the_one_of_inputs_rounded_to_it(name: str, build: str, tmp_path: Path) -> None:
    exact, rounded = random_model(NARROW[name]), random_model(NARROW[name])
    weights.save(exact, tmp_path / WEIGHTS)
    for part in rounded.modules():
        if isinstance(part, Linear) and part is not rounded.q_head:
            part.__class__ = Rounded
        if isinstance(part, Attention):
            part.__class__ = RoundedAttention
    native = NativeRunner(tmp_path / WEIGHTS, exact.config, 1, build)
    runners = TorchRunner(rounded, 1), TorchRunner(exact, 1), native
    for runner in runners:
        runner.load(0, np.arange(exact.config.seq_len, dtype=np.uint8) % 5 + 1)
        runner.step(1)
    near, far = (np.abs(native.z_H[0] - runner.state.carry.z_H[0].numpy()).mean() for runner in runners[:2])
    assert near < 2e-3
    assert near < far / 3


def margins(trm: TRM, runner: TorchRunner, size: int) -> np.ndarray:
    """By how much the best token of each cell wins, (size, cells)."""
    best = trm.lm_head(runner.state.carry.z_H[:size, trm.config.prefix_len :]).topk(2).values.numpy()
    return best[..., 0] - best[..., 1]
