"""The parts of a TRM block. Knows tensors of shape (batch, positions, hidden); knows no recursion, no heads, no puzzles.

Parameter names and layouts are the reference's, so that its checkpoints load key by key
(github.com/SamsungSAILMontreal/TinyRecursiveModels). The mixer is the one part that varies.
"""

import math
from math import isqrt
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from app.model.config import TRMConfig


def trunc_normal(shape: tuple[int, ...], std: float) -> Tensor:
    """Normal values of standard deviation `std` before truncation at two of them."""
    return nn.init.trunc_normal_(torch.empty(shape), std=std, a=-2 * std, b=2 * std)


def rms_norm(x: Tensor, eps: float) -> Tensor:
    """Root-mean-square norm over channels, without a weight, in float32 whatever `x` is."""
    x32 = x.float()
    return (x32 * torch.rsqrt(x32.square().mean(-1, keepdim=True) + eps)).to(x.dtype)


class Linear(nn.Module):
    """A linear map with LeCun-normal weights."""

    def __init__(self, inputs: int, outputs: int, bias: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(trunc_normal((outputs, inputs), 1 / math.sqrt(inputs)))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight, self.bias)


class SwiGLU(nn.Module):
    """(…, width) -> (…, width) through silu(gate) * up, or sigmoid(gate) * rms_norm(gate * up); `gate_up_proj` gives [gate | up]."""

    def __init__(self, config: TRMConfig, width: int) -> None:
        super().__init__()
        self.inner = config.swiglu_size(width)
        self.gate_up_proj = Linear(width, 2 * self.inner)
        self.down_proj = Linear(self.inner, width)
        self.normed, self.eps = config.gate == "sigmoid_norm", config.rms_norm_eps

    def forward(self, x: Tensor) -> Tensor:
        gate, up = self.gate_up_proj(x).split(self.inner, dim=-1)
        inner = torch.sigmoid(gate) * rms_norm(gate * up, self.eps) if self.normed else F.silu(gate) * up
        down: Tensor = self.down_proj(inner)
        return down


class Attention(nn.Module):
    """Full self-attention over all positions, with rotary positions when the config asks for them."""

    cos: Tensor
    sin: Tensor

    def __init__(self, config: TRMConfig) -> None:
        super().__init__()
        self.heads, self.head_dim = config.num_heads, config.head_dim
        self.qkv_proj = Linear(config.hidden_size, 3 * config.hidden_size)
        self.o_proj = Linear(config.hidden_size, config.hidden_size)
        self.rope = config.pos_encodings == "rope"
        if self.rope:
            frequency = 1.0 / config.rope_theta ** (torch.arange(0, self.head_dim, 2).float() / self.head_dim)
            angle = torch.outer(torch.arange(config.positions).float(), frequency).repeat(1, 2)
            self.register_buffer("cos", angle.cos(), persistent=False)
            self.register_buffer("sin", angle.sin(), persistent=False)

    def rotate(self, x: Tensor) -> Tensor:
        """Rotate (batch, heads, positions, head_dim) by position, in halves."""
        low, high = x.float().chunk(2, dim=-1)
        return (x * self.cos + torch.cat((-high, low), dim=-1) * self.sin).to(x.dtype)

    def forward(self, x: Tensor) -> Tensor:
        batch, positions, hidden = x.shape
        q, k, v = self.qkv_proj(x).view(batch, positions, 3 * self.heads, self.head_dim).transpose(1, 2).chunk(3, dim=1)
        if self.rope:
            q, k = self.rotate(q), self.rotate(k)
        mixed: Tensor = self.o_proj(self.attend(q, k, v).transpose(1, 2).reshape(batch, positions, hidden))
        return mixed

    def attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """What each position sees, (batch, heads, positions, head_dim) like all that is given."""
        return F.scaled_dot_product_attention(q, k, v)


class Reorder(torch.autograd.Function):
    """`x.index_select(1, order)` for an `order` that has every place once, so that its gradient is another look-up, by `back`, and no sum."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, order: Tensor, back: Tensor) -> Tensor:
        ctx.save_for_backward(back)
        return x.index_select(1, order)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        return gradient.index_select(1, *ctx.saved_tensors), None, None


class Lookup(torch.autograd.Function):
    """`table[tokens]` for a table of a few rows, whose gradient is a matrix product: sums of so many into so few places are slow on a GPU."""

    @staticmethod
    def forward(ctx: Any, table: Tensor, tokens: Tensor) -> Tensor:
        ctx.rows = len(table)
        ctx.save_for_backward(tokens)
        return table[tokens]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (tokens,) = ctx.saved_tensors
        places = F.one_hot(tokens.flatten(), ctx.rows).to(gradient.dtype)
        return places.T @ gradient.flatten(0, -2), None


def looked_up(table: Tensor, tokens: Tensor) -> Tensor:
    """Rows (…, width) of a table of a few, by tokens (…)."""
    rows: Tensor = Lookup.apply(table, tokens) if torch.is_grad_enabled() else table[tokens]  # type: ignore[no-untyped-call]  # torch's apply has no annotation
    return rows


def reordered(x: Tensor, order: Tensor, back: Tensor) -> Tensor:
    """What is along dimension 1 in another order; `back` is the way back."""
    other: Tensor = Reorder.apply(x, order, back) if torch.is_grad_enabled() else x.index_select(1, order)  # type: ignore[no-untyped-call]  # nor here
    return other


class UnitAttention(nn.Module):
    """Attention inside rows (first third of the heads), columns (second) and boxes (last) of a square grid.

    Every cell sees its own three units only, so attention costs 9 x 9 per unit instead of 81 x 81. One look-up brings the parts of every cell
    (channels of q, k or v, of one head) into the order of units and another brings them back: half the operations of reshaping and transposing.
    `apart` is the first, `back` the other; `joined` and `spread` undo them, for gradients.
    A GPU has a kernel for attention of all to all under a mask that is quicker than so many small products.
    """

    mask: Tensor
    apart: Tensor
    joined: Tensor
    back: Tensor
    spread: Tensor

    def __init__(self, config: TRMConfig) -> None:
        super().__init__()
        assert config.box_shape is not None
        self.side, self.heads, self.head_dim = isqrt(config.seq_len), config.num_heads, config.head_dim
        self.qkv_proj = Linear(config.hidden_size, 3 * config.hidden_size)
        self.o_proj = Linear(config.hidden_size, config.hidden_size)
        cells = self._cells(*config.box_shape)
        head = torch.arange(self.heads).view(3, 1, -1, 1)
        parts = torch.stack([(3 * cells + kind).unsqueeze(2) * self.heads + head for kind in range(3)])
        spread = (cells.unsqueeze(2) * self.heads + head).flatten()
        self.register_buffer("apart", parts.flatten(), persistent=False)
        self.register_buffer("joined", parts.flatten().argsort(), persistent=False)
        self.register_buffer("back", spread.argsort(), persistent=False)
        self.register_buffer("spread", spread, persistent=False)
        together = torch.zeros(3, config.seq_len, config.seq_len, dtype=torch.bool)
        for kind, units in zip(together, cells, strict=True):
            for unit in units:
                kind[unit.unsqueeze(1), unit] = True
        self.register_buffer("mask", together.repeat_interleave(self.heads // 3, 0), persistent=False)

    def _cells(self, tall: int, wide: int) -> Tensor:
        """Cells of each unit, (rows columns boxes, units, cells)."""
        side = self.side
        rows = torch.arange(side * side).view(side, side)
        boxes = rows.view(side // tall, tall, side // wide, wide).transpose(1, 2).reshape(side, side)
        return torch.stack((rows, rows.T, boxes))

    def forward(self, x: Tensor) -> Tensor:
        attend = self.masked if x.is_cuda else self.by_unit
        mixed: Tensor = self.o_proj(attend(self.qkv_proj(x)))
        return mixed

    def masked(self, qkv: Tensor) -> Tensor:
        """What each cell sees, (batch, cells, heads * head_dim), of what `qkv_proj` gives."""
        q, k, v = qkv.view(len(qkv), -1, 3, self.heads, self.head_dim).permute(2, 0, 3, 1, 4)
        return F.scaled_dot_product_attention(q, k, v, attn_mask=self.mask).transpose(1, 2).flatten(2)

    def by_unit(self, qkv: Tensor) -> Tensor:
        """The same, unit by unit."""
        cells = self.side**2
        parts = reordered(qkv.view(-1, 3 * cells * self.heads, self.head_dim), self.apart, self.joined)
        units = self.side * self.heads
        q, k, v = torch.split(parts.view(-1, 3 * units, self.side, self.head_dim), units, 1)
        weight = torch.softmax(q @ k.transpose(-1, -2) * self.head_dim**-0.5, dim=-1)
        out = reordered((weight @ v).reshape(-1, cells * self.heads, self.head_dim), self.back, self.spread)
        return out.view(-1, cells, self.heads * self.head_dim)


class Neighbourhood(nn.Module):
    """One linear map of each cell together with the four beside it; beyond the border of the grid there are zeros.

    It knows no position and no size, so its weights fit every grid: what it can do in one place it can do in all. Cells come in a row, (batch, cells,
    hidden) of the config's grid, or as a grid of whatever size, (batch, height, width, hidden).
    """

    def __init__(self, config: TRMConfig) -> None:
        super().__init__()
        assert config.grid_shape is not None
        self.height, self.width = config.grid_shape
        self.proj = Linear(5 * config.hidden_size, config.hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        grid = x if x.ndim == 4 else x.view(len(x), self.height, self.width, -1)
        framed = F.pad(grid, (0, 0, 1, 1, 1, 1))
        across, down = framed[:, 1:-1], framed[:, :, 1:-1]
        near = torch.cat((across[:, :, 1:-1], down[:, :-2], down[:, 2:], across[:, :, :-2], across[:, :, 2:]), dim=-1)
        mixed: Tensor = self.proj(near)
        return mixed if x.ndim == 4 else mixed.flatten(1, 2)


class Block(nn.Module):
    """Post-norm: a mixer over positions, then a SwiGLU over channels.

    With `mlp` the mixer is a SwiGLU over the position axis, and so is the norm behind it, as in the reference.
    """

    def __init__(self, config: TRMConfig) -> None:
        super().__init__()
        self.eps, self.mixer = config.rms_norm_eps, config.mixer
        match config.mixer:
            case "mlp":
                self.mlp_t = SwiGLU(config, config.positions)
            case "local":
                self.near = Neighbourhood(config)
            case "units":
                self.self_attn: nn.Module = UnitAttention(config)
            case "attention":
                self.self_attn = Attention(config)
        self.mlp = SwiGLU(config, config.hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        if self.mixer == "mlp":
            x = x.transpose(1, 2)
            x = rms_norm(x + self.mlp_t(x), self.eps).transpose(1, 2)
        else:
            mix = self.near if self.mixer == "local" else self.self_attn
            x = rms_norm(x + mix(x), self.eps)
        return rms_norm(x + self.mlp(x), self.eps)
