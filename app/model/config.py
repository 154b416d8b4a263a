"""The architecture of a TRM as a value. Knows field names and their limits; knows no tensors, so it is importable without torch.

Fields keep the names of the reference's `arch` section. Ours are `mixer` (the reference's `mlp_t: true` is `mixer: mlp`),
`box_shape`, `swiglu_multiple` and `q_head_input`; each defaults to what the reference does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import isqrt
from typing import Any, Literal, Self

from app.errors import InvalidModel

Mixer = Literal["attention", "mlp", "units"]
PosEncodings = Literal["rope", "learned", "none"]

CHOICES = {
    "mixer": ("attention", "mlp", "units"),
    "pos_encodings": ("rope", "learned", "none"),
    "q_head_input": ("first", "mean"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TRMConfig:
    """Everything that fixes the shapes and the arithmetic of one TRM.

    `seq_len` counts the puzzle's cells; `puzzle_emb_len` further positions stand before them when `puzzle_emb_ndim` > 0.
    """

    vocab_size: int
    seq_len: int
    hidden_size: int
    num_heads: int
    mixer: Mixer
    num_puzzle_identifiers: int = 1
    expansion: float = 4.0
    L_layers: int = 2
    H_cycles: int = 3
    L_cycles: int = 6
    halt_max_steps: int = 16
    halt_exploration_prob: float = 0.1
    pos_encodings: PosEncodings = "none"
    rope_theta: float = 10000.0
    rms_norm_eps: float = 1e-5
    puzzle_emb_ndim: int = 0
    puzzle_emb_len: int = 0
    box_shape: tuple[int, int] | None = None
    swiglu_multiple: int = 256
    q_head_input: Literal["first", "mean"] = "first"

    def __post_init__(self) -> None:
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise InvalidModel(f"config: {name} must be one of {', '.join(choices)}, not {getattr(self, name)!r}")
        for name in ("vocab_size", "seq_len", "hidden_size", "num_heads", "L_layers", "H_cycles", "L_cycles", "halt_max_steps"):
            if getattr(self, name) < 1:
                raise InvalidModel(f"config: {name} must be at least 1, not {getattr(self, name)}")
        if self.hidden_size % self.num_heads:
            raise InvalidModel(f"config: hidden_size {self.hidden_size} is not a multiple of num_heads {self.num_heads}")
        if self.mixer == "units":
            self._check_units()

    def _check_units(self) -> None:
        side = isqrt(self.seq_len)
        if self.box_shape is None or side * side != self.seq_len or self.box_shape[0] * self.box_shape[1] != side:
            raise InvalidModel(f"config: mixer units needs a square grid and a box_shape that tiles it, not {self.seq_len} cells and {self.box_shape}")
        if self.num_heads % 3 or self.prefix_len or self.pos_encodings == "rope":
            raise InvalidModel("config: mixer units needs num_heads in threes (rows, columns, boxes), no puzzle positions and no rope")

    @property
    def head_dim(self) -> int:
        """Channels of one attention head."""
        return self.hidden_size // self.num_heads

    @property
    def prefix_len(self) -> int:
        """Positions that hold the puzzle embedding, before the cells."""
        if self.puzzle_emb_ndim == 0:
            return 0
        return self.puzzle_emb_len or -(self.puzzle_emb_ndim // -self.hidden_size)

    @property
    def positions(self) -> int:
        """Length of the sequence that the blocks see."""
        return self.prefix_len + self.seq_len

    def swiglu_size(self, width: int) -> int:
        """Inner size of a SwiGLU over `width` channels: two thirds of the expansion, rounded up to `swiglu_multiple`."""
        inner = round(self.expansion * width * 2 / 3)
        return -(inner // -self.swiglu_multiple) * self.swiglu_multiple

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values, in declaration order."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote. Raises `InvalidModel` naming any unknown, missing or mistyped field."""
        known = {f.name for f in fields(cls)}
        if unknown := sorted(set(values) - known):
            raise InvalidModel(f"config: unknown field {', '.join(unknown)}")
        values = {**values, "box_shape": tuple(values["box_shape"]) if values.get("box_shape") else None}
        try:
            return cls(**values)
        except TypeError as error:
            raise InvalidModel(f"config: {error}") from error
