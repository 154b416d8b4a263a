"""From a training run to a folder of the model store: averaged weights, ONNX step, manifest. Knows files; trains nothing."""

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from app.errors import InvalidModel
from app.model import weights
from app.model.config import TRMConfig
from app.model.export import export
from app.model.folder import CARD, manifest, replacing
from app.model.identifiers import IDENTIFIERS
from app.model.reference import grid_of
from app.model.store import GRAPH, MANIFEST, WEIGHTS, Accuracy, Defaults, Entry, Guessing, Limits, read, write
from app.model.trm import TRM


def publish(
    run: Path,
    store: Path,
    name: str,
    config: TRMConfig,
    description: str,
    defaults: Defaults,
    provenance: dict[str, Any],
    guesses: Guessing | None = None,
    *,
    compact: bool = False,
) -> Entry:
    """Write the averaged weights of a run into the store as `name`, replacing what was there only once all of it is written.

    `config` is the run's, or the same on another grid where the weights fit one. The description and model card of an entry that is
    replaced are kept; its accuracy is not, for it was another model's. `compact`: a large model, its weights in bfloat16 and without the ONNX step, which is
    served only where it is named.
    """
    recipe = json.loads((run / "recipe.json").read_text())
    model, grid, target = TRM(config), grid_of(config), store / name
    try:
        state = load_file(run / "state.safetensors")
        model.load_state_dict({key.removeprefix("ema."): value for key, value in state.items() if key.startswith("ema.")})
    except (RuntimeError, SafetensorError) as error:
        raise InvalidModel(f"{run / 'state.safetensors'}: {error}") from error
    old = read(target).manifest if (target / MANIFEST).exists() else None
    described = manifest(
        name,
        description=description or (old.description if old else name),
        puzzle=grid,
        arch=config.to_json(),
        defaults=defaults,
        limits=Limits(max_steps=256, attempts=1024),
        guesses=guesses if grid.family == "sudoku" else None,  # nothing in the others is worth guessing
        on_request=compact,
        provenance={"recipe": {field: value for field, value in recipe.items() if field != "arch"}, "torch": torch.__version__, **provenance},
    )
    with replacing(store, described) as folder:
        weights.save(model.bfloat16() if compact else model, folder / WEIGHTS)
        if not compact:
            export(model, folder / GRAPH)
        if config.named:
            shutil.copyfile(run / IDENTIFIERS, folder / IDENTIFIERS)
        if (target / CARD).exists():
            shutil.copy(target / CARD, folder / CARD)
    return read(target)


def record(entry: Entry, accuracy: Accuracy) -> Entry:
    """Put a measured figure into the manifest, in the place of an older one for the same data."""
    others = [each for each in entry.manifest.accuracy if each.data != accuracy.data]
    return write(entry.folder, entry.manifest.model_copy(update={"accuracy": [*others, accuracy]}))
