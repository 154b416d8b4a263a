"""A build of `step.c` with a model's weights, as Python calls it. Knows no slots or requests."""

import ctypes
import weakref
from math import isqrt, sqrt
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.engine.native.builds import MIXERS, known, path_of, permitted
from app.errors import InvalidModel
from app.model.config import TRMConfig
from app.model.stored import Stored


class Library:
    """One model in one build: `step` and `space` of `step.c`, with arrays in the place of pointers."""

    def __init__(self, path: Path, config: TRMConfig, build: str) -> None:
        """Load the weights file. Raises `InvalidModel` for one that does not fit the config, or an architecture that `step.c` does not know."""
        if not known(config):
            raise InvalidModel(f"{path}: the step in C does not know this architecture")
        if not permitted(build):
            raise OSError(f"the kernel does not let this process run {build}")
        self.hidden, self.prefix, inner = config.hidden_size, config.prefix_len, config.swiglu_size(config.hidden_size)
        sizes = (
            self.hidden,
            inner,
            config.vocab_size,
            config.L_layers,
            config.H_cycles,
            config.L_cycles,
            config.num_heads,
            isqrt(config.seq_len),
            config.q_head_input == "first",
            MIXERS.index(config.mixer),
            config.prefix_len,
            config.positions,
            config.swiglu_size(config.positions) if config.mixer == "mlp" else 0,
            config.gate == "sigmoid_norm",
        )
        weights = [Stored(path, name, shape)[...] for name, shape in _shapes(config).items()]
        learned = Stored(path, "embed_pos.embedding_weight", (config.positions, self.hidden))[...] if config.pos_encodings == "learned" else None
        self.scale = np.float32(sqrt(self.hidden) * (1 if learned is None else sqrt(0.5)))
        """Of everything that the model embeds."""
        weights[0] *= self.scale
        if learned is not None:
            learned *= self.scale
        library = ctypes.CDLL(str(path_of(build)))
        library.trm_make.restype, library.trm_space.restype = ctypes.c_void_p, ctypes.c_size_t
        pointers = (ctypes.c_void_p * len(weights))(*(each.ctypes.data for each in weights))
        tables = _units(config), learned, _rope(config)
        places = (None if table is None else pointer(table) for table in tables)
        self.model = ctypes.c_void_p(library.trm_make((ctypes.c_int32 * len(sizes))(*sizes), ctypes.c_float(config.rms_norm_eps), *places, pointers))
        if not self.model:
            raise MemoryError("no memory for the weights")
        weakref.finalize(self, library.trm_free, self.model)
        self._space, self._step = library.trm_space, library.trm_step

    def space(self, cells: int) -> int:
        """Floats that a step of so many cells needs besides."""
        return int(self._space(self.model, cells))

    def bind(self, height: int, width: int, *arrays: NDArray[Any]) -> "Bound":
        """The step on these arrays, contiguous and of the shapes and types that `trm_step` takes: slots, fresh, tokens, puzzle, z_H, z_L, answers, q, space."""
        return Bound(self, height, width, arrays)


class Bound:
    """A step with its arrays."""

    def __init__(self, library: Library, height: int, width: int, arrays: tuple[NDArray[Any], ...]) -> None:
        self.library, self.arrays = library, arrays
        slots, *others = map(pointer, arrays)
        self.arguments = (slots, ctypes.c_int(height), ctypes.c_int(width), *others)

    def __call__(self, count: int) -> None:
        """Step the first `count` of the slots that are named. Raises `ValueError` for a token outside the vocabulary; then nothing has changed."""
        wrong = self.library._step(self.library.model, ctypes.c_int(count), *self.arguments)
        if wrong >= 0:
            raise ValueError(f"a token of slot {wrong} is out of the vocabulary")


def pointer(array: NDArray[Any]) -> ctypes.c_void_p:
    """Where a contiguous array begins."""
    assert array.flags.c_contiguous
    return ctypes.c_void_p(array.ctypes.data)


def _shapes(config: TRMConfig) -> dict[str, tuple[int, ...]]:
    """The weights in the order of `trm_make`, with their shapes."""
    hidden = config.hidden_size
    shapes: dict[str, tuple[int, ...]] = {"embed_tokens.embedding_weight": (config.vocab_size, hidden), "lm_head.weight": (config.vocab_size, hidden)}
    shapes |= {"q_head.weight": (2, hidden), "q_head.bias": (2,), "H_init": (hidden,), "L_init": (hidden,)}
    match config.mixer:
        case "mlp":
            block = _swiglu("mlp_t", config.positions, config)
        case "local":
            block = {"near.proj": (hidden, 5 * hidden)}
        case _:
            block = {"self_attn.qkv_proj": (3 * hidden, hidden), "self_attn.o_proj": (hidden, hidden)}
    block |= _swiglu("mlp", hidden, config)
    return shapes | {f"L_level.layers.{layer}.{name}.weight": shape for layer in range(config.L_layers) for name, shape in block.items()}


def _swiglu(name: str, width: int, config: TRMConfig) -> dict[str, tuple[int, ...]]:
    inner = config.swiglu_size(width)
    return {f"{name}.gate_up_proj": (2 * inner, width), f"{name}.down_proj": (width, inner)}


def _rope(config: TRMConfig) -> NDArray[np.float32] | None:
    """Cosines and sines, (2, positions, channels of a head), of rotary positions."""
    if config.mixer != "attention" or config.pos_encodings != "rope":
        return None
    frequency = 1 / config.rope_theta ** (np.arange(0, config.head_dim, 2, dtype=np.float32) / config.head_dim)
    angle = np.tile(np.outer(np.arange(config.positions, dtype=np.float32), frequency), 2)
    return np.stack((np.cos(angle), np.sin(angle))).astype(np.float32)


def _units(config: TRMConfig) -> NDArray[np.int32] | None:
    """The cells of each row, column and box, (3, side, side), of mixer `units`."""
    if config.box_shape is None or config.mixer != "units":
        return None
    side, (tall, wide) = isqrt(config.seq_len), config.box_shape
    rows = np.arange(side * side, dtype=np.int32).reshape(side, side)
    boxes = rows.reshape(side // tall, tall, side // wide, wide).transpose(0, 2, 1, 3).reshape(side, side)
    return np.stack((rows, rows.T, boxes))
