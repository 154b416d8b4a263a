"""The architecture of a TRM as a value. Knows field names and their limits; knows no tensors, so it is importable without torch.

Fields keep the names of the reference's `arch` section. Ours are `mixer` (the reference's `mlp_t: true` is `mixer: mlp`),
`box_shape`, `grid_shape`, `swiglu_multiple`, `gate` and `q_head_input`; each defaults to what the reference does.
"""

from collections.abc import Mapping
from dataclasses import fields, replace
from math import isqrt
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, ValidationError
from pydantic.dataclasses import dataclass

from app.errors import InvalidModel, mistakes

Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0)]


@dataclass(frozen=True, slots=True, kw_only=True, config=ConfigDict(extra="forbid", strict=True))
class TRMConfig:
    """Everything that fixes the shapes and the arithmetic of one TRM.

    `seq_len` counts the puzzle's cells; `puzzle_emb_len` further positions stand before them when `puzzle_emb_ndim` > 0.
    `grid_shape` is the height and width of the grid; mixer `local` needs it, and its weights fit a grid of any other shape as well.
    """

    vocab_size: Count
    seq_len: Count
    hidden_size: Count
    num_heads: Count
    mixer: Literal["attention", "mlp", "units", "local"]
    num_puzzle_identifiers: Count = 1
    expansion: Positive = 4.0
    L_layers: Count = 2
    H_cycles: Count = 3
    L_cycles: Count = 6
    halt_max_steps: Count = 16
    halt_exploration_prob: Annotated[float, Field(ge=0, le=1)] = 0.1
    pos_encodings: Literal["rope", "learned", "none"] = "none"
    rope_theta: Positive = 10000.0
    rms_norm_eps: Positive = 1e-5
    puzzle_emb_ndim: Annotated[int, Field(ge=0)] = 0
    puzzle_emb_len: Annotated[int, Field(ge=0)] = 0
    box_shape: tuple[Count, Count] | None = None
    grid_shape: tuple[Count, Count] | None = None
    swiglu_multiple: Count = 256
    gate: Literal["silu", "sigmoid_norm"] = "silu"
    q_head_input: Literal["first", "mean"] = "first"

    def __post_init__(self) -> None:
        if self.hidden_size % self.num_heads:
            raise InvalidModel(f"config: hidden_size {self.hidden_size} is not a multiple of num_heads {self.num_heads}")
        if self.prefix_len * self.hidden_size < self.puzzle_emb_ndim:
            raise InvalidModel(f"config: puzzle_emb_len {self.puzzle_emb_len} has no room for puzzle_emb_ndim {self.puzzle_emb_ndim}")
        if self.mixer == "attention" and self.pos_encodings == "rope" and self.head_dim % 2:
            raise InvalidModel(f"config: rope turns channels in pairs, and a head has {self.head_dim}")
        if self.mixer == "units":
            self._check_units()
        if self.grid_shape is not None and self.grid_shape[0] * self.grid_shape[1] != self.seq_len:
            raise InvalidModel(f"config: grid_shape {self.grid_shape} has not the {self.seq_len} cells of seq_len")
        if self.mixer == "local" and (self.grid_shape is None or self.prefix_len or self.pos_encodings != "none"):
            raise InvalidModel("config: mixer local needs a grid_shape, no puzzle positions and pos_encodings none")

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
    def named(self) -> bool:
        """Whether puzzles have ids, each with an embedding of its own."""
        return self.prefix_len > 0 and self.num_puzzle_identifiers > 1

    @property
    def positions(self) -> int:
        """Length of the sequence that the blocks see."""
        return self.prefix_len + self.seq_len

    def swiglu_size(self, width: int) -> int:
        """Inner size of a SwiGLU over `width` channels: two thirds of the expansion, rounded up to `swiglu_multiple`."""
        inner = round(self.expansion * width * 2 / 3)
        return -(inner // -self.swiglu_multiple) * self.swiglu_multiple

    def on(self, height: int, width: int) -> Self:
        """The architecture that the same weights have on another grid. Raises `InvalidModel` for a mixer whose weights fit one size only."""
        if self.mixer != "local":
            raise InvalidModel(f"the weights of mixer {self.mixer} fit a grid of {self.seq_len} cells only")
        return replace(self, seq_len=height * width, grid_shape=(height, width))

    def same_weights(self, other: Self) -> bool:
        """Whether weights of the other are weights of this one: how often they are applied, and with mixer `local` to what grid, may differ."""
        free = {"H_cycles", "L_cycles", "halt_max_steps", "halt_exploration_prob"} | ({"seq_len", "grid_shape"} if self.mixer == "local" else set())
        return all(getattr(self, each.name) == getattr(other, each.name) for each in fields(self) if each.name not in free)

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values, in declaration order."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote. Raises `InvalidModel` naming every unknown, missing or mistyped field."""
        given: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
        try:
            return cls(**given)
        except ValidationError as error:
            raise InvalidModel(f"config: {mistakes(error)}") from error
