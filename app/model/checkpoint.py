"""A checkpoint file of the reference implementation, as a mapping from our names to tensors. Knows torch's file form; no configs' files.

It is a state dict that `torch.save` wrote. Only tensors are unpickled, and nothing in the file is executed. What the mapping gives
is mapped into memory anew at each access, so a table of gigabytes may be read piece by piece.
"""

import re
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor

from app.errors import InvalidModel, listed
from app.model.config import TRMConfig
from app.model.stored import TABLE
from app.model.trm import TRM
from app.model.weights import CODES

PREFIXES = ("_orig_mod.", "module.", "model.", "inner.")
"""What wrappers (torch.compile, DistributedDataParallel, the loss head, the ACT loop) put before the names."""
DROPPED = re.compile(r"puzzle_emb\.local_(weights|ids)|.*\.(cos|sin)_cached")
"""Names that some files have and inference does not need: a training batch's rows, and angles that follow from the config."""


class Checkpoint(Mapping[str, Tensor]):
    """The tensors of one file: float32, but for the puzzle embedding, which keeps its type.

    Widening is exact and makes all models alike; of the puzzle embedding it would only make gigabytes more.
    """

    def __init__(self, path: Path) -> None:
        """Read the names. Raises `InvalidModel` for a file that is not a checkpoint, or an entry that is not a tensor of floats."""
        self.path, self.legacy = path, None if _is_zip(path) else _load(path, mmap=False)
        self.keys_there: dict[str, str] = {}
        for key, value in self._tensors().items():
            name = _name(key, path)
            if DROPPED.fullmatch(name):
                continue
            if name in self.keys_there:
                raise InvalidModel(f"{path}: {self.keys_there[name]} and {key} are both {name}")
            if not isinstance(value, Tensor):
                raise InvalidModel(f"{path}: {key} is not a tensor but of type {type(value).__name__}")
            if value.dtype not in CODES or value.layout is not torch.strided or value.device.type != "cpu":
                raise InvalidModel(f"{path}: {key} is not a plain tensor of float32, bfloat16 or float16 ({value.dtype}, {value.layout}, {value.device})")
            if value.nbytes > value.untyped_storage().nbytes():
                raise InvalidModel(f"{path}: {key} claims more numbers, {tuple(value.shape)}, than the file holds for it")
            self.keys_there[name] = key

    def __getitem__(self, name: str) -> Tensor:
        value: Tensor = self._tensors()[self.keys_there[name]].detach()
        return value if name == TABLE else value.float()

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys_there)

    def __len__(self) -> int:
        return len(self.keys_there)

    def check(self, config: TRMConfig) -> None:
        """Raise `InvalidModel` naming the tensors that a model of this config lacks, has besides, or has in another shape."""
        expected = self._expected(config)
        for names, what in ((expected.keys() - self.keys(), "has no"), (self.keys() - expected.keys(), "has besides")):
            if names:
                raise InvalidModel(f"{self.path} {what} {listed(self.keys_there.get(name, name) for name in names)}")
        for name, shape in expected.items():
            if self[name].shape != shape:
                raise InvalidModel(f"{self.path}: {name} has the shape {tuple(self[name].shape)}, by its config it has {tuple(shape)}")

    def _expected(self, config: TRMConfig) -> dict[str, torch.Size]:
        if config.L_layers > len(self):
            raise InvalidModel(f"{self.path} has not the {config.L_layers} layers of L_layers, but {len(self)} tensors in all")
        try:
            with torch.device("meta"):
                return {name: value.shape for name, value in TRM(config).state_dict().items()}
        except (RuntimeError, TypeError, OverflowError) as error:
            raise InvalidModel(f"{self.path}: its config describes tensors larger than any computer's memory") from error

    def _tensors(self) -> dict[Any, Any]:
        return _load(self.path, mmap=True) if self.legacy is None else self.legacy


def _name(key: object, path: Path) -> str:
    """Our name of a key: wrappers' prefixes left out."""
    if not isinstance(key, str):
        raise InvalidModel(f"{path}: the key {key!r} is not text")
    while prefix := next((each for each in PREFIXES if key.startswith(each)), ""):
        key = key.removeprefix(prefix)
    return key


def _is_zip(path: Path) -> bool:
    """Whether the file has the form that can be mapped (torch 1.6 and later). Raises `InvalidModel` where a mapping would see other bytes."""
    try:
        with path.open("rb") as file:
            if file.read(4) != b"PK\x03\x04":
                return False
        with zipfile.ZipFile(path) as archive:
            packed = [each.filename for each in archive.infolist() if each.compress_type != zipfile.ZIP_STORED]
    except (OSError, zipfile.BadZipFile) as error:
        raise InvalidModel(f"{path} is not a whole checkpoint: {error}") from error
    if packed:
        raise InvalidModel(f"{path}: {packed[0]} is compressed; save the checkpoint again with torch.save")
    return True


def _load(path: Path, mmap: bool) -> dict[Any, Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pickle protocols and the like: what cannot be read is an error
            content = torch.load(path, weights_only=True, map_location="cpu", mmap=mmap)
    except UnpicklingError as error:
        raise InvalidModel(f"{path} is not a checkpoint of tensors only; nothing in it was executed") from error
    except Exception as error:  # torch raises several classes, all meaning that the file is not one of its own
        said = str(error).partition("\n")[0]
        raise InvalidModel(f"{path} is not a whole checkpoint: {type(error).__name__} {said}") from error
    if not isinstance(content, dict):
        raise InvalidModel(f"{path} holds no state dict but a {type(content).__name__}")
    return content
