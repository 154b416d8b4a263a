"""One step of every kind of TRM against a slow one in float64, written from the paper and the reference's conventions alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from app.model.config import TRMConfig
from app.model.trm import TRM, Carry

Array = NDArray[np.float64]

PLAIN = TRMConfig(vocab_size=7, seq_len=16, hidden_size=24, num_heads=3, mixer="attention", H_cycles=2, L_cycles=2, swiglu_multiple=8)
CONFIGS = {
    "attention": PLAIN,
    "attention with rope": replace(PLAIN, pos_encodings="rope", rope_theta=100.0),
    "attention with learned positions": replace(PLAIN, pos_encodings="learned"),
    "attention behind a puzzle embedding": replace(PLAIN, pos_encodings="rope", puzzle_emb_ndim=24, puzzle_emb_len=3, num_puzzle_identifiers=5),
    "a puzzle embedding of one and a half positions": replace(PLAIN, pos_encodings="learned", puzzle_emb_ndim=36, num_puzzle_identifiers=5),
    "mlp": replace(PLAIN, mixer="mlp"),
    "mlp behind a puzzle embedding": replace(PLAIN, mixer="mlp", puzzle_emb_ndim=24, puzzle_emb_len=2, num_puzzle_identifiers=5),
    "units of 4x4": replace(PLAIN, mixer="units", box_shape=(2, 2), num_heads=6, hidden_size=48),
    "units of 6x6": replace(PLAIN, mixer="units", box_shape=(2, 3), seq_len=36),
    "local": replace(PLAIN, mixer="local", grid_shape=(4, 4)),
    "local in a rectangle": replace(PLAIN, mixer="local", grid_shape=(5, 3), seq_len=15, q_head_input="mean"),
    "one layer, one cycle": replace(PLAIN, L_layers=1, H_cycles=1, L_cycles=1),
    "three layers": replace(PLAIN, L_layers=3, expansion=2.5),
    "halting by the mean": replace(PLAIN, q_head_input="mean"),
    "the reference's widths": replace(PLAIN, swiglu_multiple=256),
}


class ByHand:
    """The formulas, one puzzle at a time; z_H and z_L are (positions, hidden)."""

    def __init__(self, config: TRMConfig, weights: dict[str, Array]) -> None:
        self.config, self.weights = config, weights

    def embed(self, tokens: list[int], puzzle: int) -> Array:
        c, w = self.config, self.weights
        x = np.array([w["embed_tokens.embedding_weight"][token] for token in tokens])
        if c.puzzle_emb_ndim:
            length = c.puzzle_emb_len or int(np.ceil(c.puzzle_emb_ndim / c.hidden_size))
            prefix = np.zeros(length * c.hidden_size)
            prefix[: c.puzzle_emb_ndim] = w["puzzle_emb.weights"][puzzle]
            x = np.vstack([prefix.reshape(length, c.hidden_size), x])
        if c.pos_encodings == "learned":
            x = (x + w["embed_pos.embedding_weight"]) / np.sqrt(2)
        return x * np.sqrt(c.hidden_size)

    def norm(self, x: Array, axis: int) -> Array:
        return x / np.sqrt((x**2).mean(axis, keepdims=True) + self.config.rms_norm_eps)

    def swiglu(self, x: Array, name: str) -> Array:
        both = x @ self.weights[f"{name}.gate_up_proj.weight"].T
        gate, up = np.split(both, 2, axis=-1)
        return (gate / (1 + np.exp(-gate)) * up) @ self.weights[f"{name}.down_proj.weight"].T

    def attention(self, x: Array, name: str) -> Array:
        c = self.config
        q, k, v = np.split(x @ self.weights[f"{name}.qkv_proj.weight"].T, 3, axis=-1)
        width, out = c.hidden_size // c.num_heads, np.empty_like(x)
        for head in range(c.num_heads):
            part = slice(head * width, (head + 1) * width)
            a, b = (self.rotated(each[:, part]) if c.pos_encodings == "rope" else each[:, part] for each in (q, k))
            score = np.exp(a @ b.T / np.sqrt(width)) * self.visible(head)
            out[:, part] = score / score.sum(1, keepdims=True) @ v[:, part]
        return out @ self.weights[f"{name}.o_proj.weight"].T

    def rotated(self, x: Array) -> Array:
        """Channels i and i + half are the plane that position p turns by p / theta^(2i / width)."""
        half = x.shape[1] // 2
        turn = np.exp(1j * np.outer(np.arange(len(x)), self.config.rope_theta ** (-np.arange(half) / half)))
        turned = (x[:, :half] + 1j * x[:, half:]) * turn
        return np.hstack([turned.real, turned.imag])

    def visible(self, head: int) -> Array:
        """Which cells see which: all, or those of one row, one column or one box, by thirds of the heads."""
        c = self.config
        if c.mixer != "units" or c.box_shape is None:
            return np.ones((c.positions, c.positions))
        side, (tall, wide) = int(c.seq_len**0.5), c.box_shape
        row, column = np.divmod(np.arange(c.seq_len), side)
        unit = (row, column, row // tall * side + column // wide)[head * 3 // c.num_heads]
        return (unit[:, None] == unit).astype(float)

    def near(self, x: Array, name: str) -> Array:
        """A fifth of the weights each for the cell itself, the one above, below, left and right of it."""
        assert self.config.grid_shape is not None
        (height, width), out = self.config.grid_shape, np.zeros_like(x)
        parts = np.split(self.weights[f"{name}.proj.weight"], 5, axis=1)
        for cell in range(height * width):
            row, column = divmod(cell, width)
            for part, (down, right) in zip(parts, ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1)), strict=True):
                if 0 <= row + down < height and 0 <= column + right < width:
                    out[cell] += part @ x[(row + down) * width + column + right]
        return out

    def block(self, x: Array, name: str) -> Array:
        match self.config.mixer:
            case "mlp":
                x = self.norm(x + self.swiglu(x.T, f"{name}.mlp_t").T, 0)
            case "local":
                x = self.norm(x + self.near(x, f"{name}.near"), 1)
            case _:
                x = self.norm(x + self.attention(x, f"{name}.self_attn"), 1)
        return self.norm(x + self.swiglu(x, f"{name}.mlp"), 1)

    def network(self, state: Array, injection: Array) -> Array:
        x = state + injection
        for layer in range(self.config.L_layers):
            x = self.block(x, f"L_level.layers.{layer}")
        return x

    def step(self, z_H: Array, z_L: Array, tokens: list[int], puzzle: int) -> tuple[Array, Array, Array, Array]:
        c, w, x = self.config, self.weights, self.embed(tokens, puzzle)
        for _ in range(c.H_cycles):
            for _ in range(c.L_cycles):
                z_L = self.network(z_L, z_H + x)
            z_H = self.network(z_H, z_L)
        logits = z_H[c.positions - c.seq_len :] @ w["lm_head.weight"].T
        pooled = z_H[0] if c.q_head_input == "first" else z_H.mean(0)
        return z_H, z_L, logits, w["q_head.weight"] @ pooled + w["q_head.bias"]


def make(config: TRMConfig) -> TRM:
    """A model as training would begin with, but with random values also where that begins with zeros."""
    torch.manual_seed(1)
    model = TRM(config).eval()
    torch.nn.init.normal_(model.q_head.weight)
    if config.puzzle_emb_ndim:
        torch.nn.init.normal_(model.puzzle_emb.weights)
    return model


@pytest.mark.parametrize("kind", CONFIGS)
def test_two_steps_are_what_the_formulas_say(kind: str) -> None:
    config = CONFIGS[kind]
    model, rng = make(config), np.random.default_rng(0)
    by_hand = ByHand(config, {name: value.double().numpy() for name, value in model.state_dict().items()})
    tokens, ids = rng.integers(0, config.vocab_size, (3, config.seq_len)), rng.integers(0, config.num_puzzle_identifiers, 3)
    carry = model.fresh(3)
    expected = [(np.tile(by_hand.weights["H_init"], (config.positions, 1)), np.tile(by_hand.weights["L_init"], (config.positions, 1)))] * 3
    for _ in range(2):
        with torch.no_grad():
            carry, output = model(carry, torch.from_numpy(tokens), torch.from_numpy(ids))
        for each in range(3):
            z_H, z_L, logits, q = by_hand.step(*expected[each], tokens[each].tolist(), int(ids[each]))
            for found, value in ((carry.z_H, z_H), (carry.z_L, z_L), (output.logits, logits), (torch.stack((output.q_halt, output.q_continue), 1), q)):
                np.testing.assert_allclose(found[each].numpy(), value, atol=5e-4)
            expected[each] = (z_H, z_L)
        carry = Carry(*(torch.from_numpy(np.stack([pair[which] for pair in expected])).float() for which in (0, 1)))


@pytest.mark.parametrize("kind", CONFIGS)
def test_every_weight_matters(kind: str) -> None:
    """Else agreement would say nothing of it."""
    config = CONFIGS[kind]
    model, tokens, ids = make(config), torch.arange(config.seq_len)[None] % config.vocab_size, torch.tensor([config.num_puzzle_identifiers - 1])
    with torch.no_grad():
        before = model(model.fresh(1), tokens, ids)
        for name, value in model.state_dict().items():
            value.add_(0.5)
            after = model(model.fresh(1), tokens, ids)
            value.sub_(0.5)
            assert any(not torch.equal(a, b) for a, b in zip((*before[0], *before[1]), (*after[0], *after[1]), strict=True)), name
