"""The parts of a block: shapes, gradients, and who sees whom."""

import numpy as np
import pytest
import torch

from app.model.config import TRMConfig
from app.model.layers import Block, SwiGLU, UnitAttention, looked_up, reordered, rms_norm
from app.model.trm import TRM
from app.puzzles.sudoku import BOXES
from tests.model.test_by_hand import CONFIGS, make


def units(side: int) -> TRMConfig:
    return TRMConfig(vocab_size=11, seq_len=side * side, hidden_size=24, num_heads=3, mixer="units", box_shape=BOXES[side], swiglu_multiple=8)


def peers(cell: int, side: int) -> set[int]:
    """The cells of a cell's row, column and box."""
    tall, wide = BOXES[side]

    def place(index: int) -> tuple[int, int, int]:
        row, column = divmod(index, side)
        return row, column, row // tall * side + column // wide

    return {other for other in range(side * side) if any(a == b for a, b in zip(place(cell), place(other), strict=True))}


@pytest.mark.parametrize("side", [4, 6, 9])
def test_attention_under_a_mask_is_attention_unit_by_unit(side: int) -> None:
    """The first is for GPUs."""
    torch.manual_seed(side)
    attention = UnitAttention(units(side))
    qkv = torch.randn(2, side * side, 3 * 24, requires_grad=True)
    masked, by_unit = attention.masked(qkv), attention.by_unit(qkv)
    assert torch.allclose(masked, by_unit, atol=1e-6)
    wanted = torch.randn_like(masked)
    gradients = [torch.autograd.grad((each * wanted).sum(), qkv)[0] for each in (masked, by_unit)]
    assert torch.allclose(*gradients, atol=1e-6)


def test_the_gradients_of_look_ups_are_those_of_indexing() -> None:
    torch.manual_seed(0)
    table, order = torch.randn(5, 3, dtype=torch.double, requires_grad=True), torch.randperm(6)
    tokens, x = torch.randint(5, (2, 7)), torch.randn(2, 6, 3, dtype=torch.double, requires_grad=True)
    for ours, plain, of in (
        (looked_up(table, tokens), table[tokens], table),
        (reordered(x, order, order.argsort()), x[:, order], x),
    ):
        assert torch.equal(ours, plain)
        wanted = torch.randn_like(plain)
        gradients = [torch.autograd.grad((each * wanted).sum(), of)[0] for each in (ours, plain)]
        assert torch.allclose(*gradients)


@pytest.mark.parametrize("kind", CONFIGS)
def test_a_step_runs_forward_and_backward_with_the_right_shapes(kind: str) -> None:
    config, model = CONFIGS[kind], make(CONFIGS[kind]).train()
    tokens, ids = torch.ones(5, config.seq_len, dtype=torch.long), torch.zeros(5, dtype=torch.long)
    carry, output = model(model.fresh(5), tokens, ids)
    assert carry.z_H.shape == carry.z_L.shape == (5, config.positions, config.hidden_size)
    assert output.logits.shape == (5, config.seq_len, config.vocab_size)
    assert output.q_halt.shape == output.q_continue.shape == (5,)
    (output.logits.square().mean() + output.q_halt.sum() + output.q_continue.sum()).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("side", [4, 6, 9])
def test_unit_attention_mixes_within_rows_columns_and_boxes_only(side: int) -> None:
    torch.manual_seed(0)
    attention, x = UnitAttention(units(side)), torch.randn(1, side * side, 24)
    before = attention(x)
    for cell in range(0, side * side, 5):
        changed = x.clone()
        changed[0, cell] += 1
        moved = (attention(changed) - before)[0].abs().amax(-1) > 1e-6
        assert set(moved.nonzero()[:, 0].tolist()) == peers(cell, side)


@pytest.mark.parametrize("side", [4, 6, 9])
@pytest.mark.parametrize("unit", [0, 1, 2], ids=["rows", "columns", "boxes"])
def test_each_third_of_the_heads_sees_its_own_kind_of_unit(side: int, unit: int) -> None:
    torch.manual_seed(0)
    attention, x = UnitAttention(units(side)), torch.randn(1, side * side, 24)
    with torch.no_grad():
        attention.o_proj.weight.zero_()[:, 8 * unit : 8 * unit + 8] = torch.eye(24)[:, :8]
        before, changed, cell = attention(x), x.clone(), side + 2
        changed[0, cell] += 1
        moved = set(((attention(changed) - before)[0].abs().amax(-1) > 1e-6).nonzero()[:, 0].tolist())
    tall, wide = BOXES[side]
    row, column = np.divmod(np.arange(side * side), side)
    kind = (row, column, row // tall * side + column // wide)[unit]
    assert moved == set(np.flatnonzero(kind == kind[cell]).tolist())


def test_full_attention_lets_every_cell_see_every_other() -> None:
    block, x = Block(CONFIGS["attention"]), torch.randn(1, 16, 24)
    changed = x.clone()
    changed[0, 3] += 1
    assert ((block(changed) - block(x))[0].abs().amax(-1) > 0).all()


def test_without_positions_attention_does_not_know_the_order_of_cells() -> None:
    torch.manual_seed(0)
    block, x, order = Block(CONFIGS["attention"]), torch.randn(1, 16, 24), torch.randperm(16)
    torch.testing.assert_close(block(x)[:, order], block(x[:, order]), atol=1e-5, rtol=0)


def test_with_rope_it_does() -> None:
    torch.manual_seed(0)
    block, x, order = Block(CONFIGS["attention with rope"]), torch.randn(1, 16, 24), torch.arange(16).flip(0)
    assert (block(x)[:, order] - block(x[:, order])).abs().max() > 1e-2


def test_a_norm_leaves_a_mean_square_of_one_and_the_type_as_it_was() -> None:
    for kind in (torch.float32, torch.bfloat16):
        x = rms_norm(torch.randn(3, 5, 24).to(kind) * 10, 1e-5)
        assert x.dtype == kind
        torch.testing.assert_close(x.float().square().mean(-1), torch.ones(3, 5), atol=2e-2, rtol=0)


def test_the_inner_size_of_a_swiglu_is_the_references() -> None:
    for width, expansion, inner in ((512, 4, 1536), (97, 4, 512), (128, 4, 512), (64, 4, 256)):
        config = TRMConfig(vocab_size=11, seq_len=81, hidden_size=512, num_heads=8, mixer="mlp", expansion=expansion)
        swiglu = SwiGLU(config, width)
        assert swiglu.gate_up_proj.weight.shape == (2 * inner, width)
        assert swiglu.down_proj.weight.shape == (width, inner)


@pytest.mark.parametrize(("mixer", "positions", "trainable"), [("mlp", "none", 5_028_866), ("attention", "rope", 6_828_034)])
def test_the_full_size_models_have_as_many_values_as_the_papers(mixer: str, positions: str, trainable: int) -> None:
    sudoku = {"vocab_size": 11, "seq_len": 81, "hidden_size": 512, "num_heads": 8, "puzzle_emb_ndim": 512, "puzzle_emb_len": 16}
    with torch.device("meta"):
        model = TRM(TRMConfig(**sudoku, mixer=mixer, pos_encodings=positions))
    counts = {name: parameter.numel() for name, parameter in model.named_parameters() if not name.startswith("puzzle_emb")}
    assert sum(counts.values()) == trainable
