"""Weights between the store and a torch model: safetensors only, every key and shape accounted for."""

from pathlib import Path

from safetensors.torch import load_file, save_file

from app.errors import InvalidModel
from app.model.store import WEIGHTS, Entry
from app.model.trm import TRM


def load(entry: Entry) -> TRM:
    """The torch model of a store entry, in float32 on the CPU. Raises `InvalidModel` for weights that do not fit its config."""
    path, model = entry.file(WEIGHTS), TRM(entry.config)
    try:
        model.load_state_dict(load_file(path))
    except Exception as error:  # safetensors and torch raise several classes, all meaning that the file does not fit
        raise InvalidModel(f"{path}: {error}") from error
    return model.eval()


def save(model: TRM, path: Path) -> None:
    """Write the weights of `model`."""
    save_file({key: value.detach().contiguous() for key, value in model.state_dict().items()}, path)
