"""A training run as one safetensors file: weights, EMA, optimiser, slots, a teacher's carry and random generators, written atomically.

Loading it and going on gives bit for bit what going on without it would have given. Nothing in the file is executed.
"""

import fcntl
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from app.errors import InvalidModel, InvalidRequest
from app.model.trm import TRM, Carry
from app.training.act import Slots
from app.training.teacher import Teacher

Optimizers = Sequence[torch.optim.Optimizer]


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Make a run's folder and keep other processes from training in it during the block. Raises `InvalidRequest` where one does, or it cannot be written.

    A folder that was not there and that nothing has been written into is removed again.
    """
    known, lock = folder.exists(), folder / ".lock"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with lock.open("w") as file:
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # ends with the process, however that ends
            except BlockingIOError:
                raise InvalidRequest(f"{folder}: another process is training there") from None
            yield
    except OSError as error:
        raise InvalidRequest(f"{folder} cannot be written: {error}") from error
    finally:
        if not known and folder.exists() and list(folder.iterdir()) == [lock]:
            shutil.rmtree(folder)


def replace_text(path: Path, text: str) -> None:
    """Write a text file, replacing what was there only when all of it is written."""
    partial = path.with_suffix(".partial")
    partial.write_text(text, encoding="utf-8", newline="")
    partial.replace(path)


def save(path: Path, model: TRM, ema: TRM, optimizers: Optimizers, slots: Slots, teacher: Teacher | None, generators: "Generators", update: int) -> None:
    """Write the run's state to `path`, replacing what was there only when all of it is written. Raises `InvalidModel` where it cannot be, as on a full disk."""
    tensors = {f"model.{k}": v for k, v in model.state_dict().items()} | {f"ema.{k}": v for k, v in ema.state_dict().items()}
    for number, optimizer in enumerate(optimizers):
        for index, values in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{number}.{index}.{k}": v for k, v in values.items()}
    tensors |= {"slots.z_H": slots.carry.z_H, "slots.z_L": slots.carry.z_L}
    tensors |= {f"slots.{k}": getattr(slots, k) for k in ("questions", "answers", "steps", "halted")}
    if teacher is not None:
        tensors |= {"teacher.z_H": teacher.carry.z_H, "teacher.z_L": teacher.carry.z_L}
    if slots.puzzle_ids is not None:
        tensors["slots.puzzle_ids"] = slots.puzzle_ids
    tensors["generators.torch"] = generators.torch.get_state()
    metadata = {"update": str(update), "teacher": _name(teacher), "numpy": json.dumps(generators.numpy.bit_generator.state)}
    partial = path.with_suffix(".partial")
    try:
        save_file({k: v.detach().cpu().clone().contiguous() for k, v in tensors.items()}, partial, metadata)
        partial.replace(path)
    except (OSError, SafetensorError) as error:
        partial.unlink(missing_ok=True)
        raise InvalidModel(f"{path} cannot be written, and is what it was: {error}") from error


def load(path: Path, model: TRM, ema: TRM, optimizers: Optimizers, teacher: Teacher | None, generators: "Generators") -> tuple[Slots, int]:
    """Put back what `save` wrote; returns the slots (on the CPU) and the number of updates done. Raises `InvalidModel` for another run's file."""
    try:
        with safe_open(path, "pt") as file:
            metadata: dict[str, str] = file.metadata() or {}
            tensors: dict[str, Tensor] = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  # safe_open is no mapping
    except SafetensorError as error:
        raise InvalidModel(f"{path}: {error}") from error
    if not {"update", "numpy"} <= metadata.keys():
        raise InvalidModel(f"{path} is not the state of a run")
    if (before := metadata.get("teacher", "")) != _name(teacher):
        raise InvalidModel(f"{path} is the state of a run with {before or 'no teacher'}, not with {_name(teacher) or 'none'}")
    try:
        model.load_state_dict(_part(tensors, "model."))
        ema.load_state_dict(_part(tensors, "ema."))
    except RuntimeError as error:
        raise InvalidModel(f"{path} is the state of another architecture: {error}") from error
    for number, optimizer in enumerate(optimizers):
        states: dict[int, dict[str, Any]] = {}
        for key, value in _part(tensors, f"optimizer.{number}.").items():
            index, name = key.split(".", 1)
            states.setdefault(int(index), {})[name] = value
        optimizer.load_state_dict({"state": states, "param_groups": optimizer.state_dict()["param_groups"]})
    generators.torch.set_state(tensors["generators.torch"])
    generators.numpy.bit_generator.state = json.loads(metadata["numpy"])
    if teacher is not None:
        teacher.carry = Carry(**_part(tensors, "teacher."))
    part = _part(tensors, "slots.")
    return Slots(Carry(part.pop("z_H"), part.pop("z_L")), **part), int(metadata["update"])


def _name(teacher: Teacher | None) -> str:
    return teacher.name if teacher else ""


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


class Generators:
    """The two random generators of a run: torch's, from a seed, and the one that the sampler draws from."""

    def __init__(self, seed: int, sampler: np.random.Generator) -> None:
        self.torch, self.numpy = torch.Generator().manual_seed(seed), sampler
