"""`trm import`: a checkpoint of the reference implementation becomes a folder of the store. Needs torch and onnx; trains nothing, measures nothing."""

import re
import shutil
from pathlib import Path

import torch

from app.errors import InvalidModel
from app.model import weights
from app.model.checkpoint import Checkpoint
from app.model.config import TRMConfig
from app.model.export import export
from app.model.folder import CARD, manifest, replacing
from app.model.identifiers import IDENTIFIERS
from app.model.identifiers import read as read_identifiers
from app.model.reference import ARCH, DATASET, config_of, grid_of
from app.model.store import GRAPH, WEIGHTS, Defaults, Entry, Grid, Limits, Manifest, digest, read

STEPS_LIMIT = 4096
NO_NAMES = f"""
**There is no `{IDENTIFIERS}`**: which puzzle embedding belongs to which task is not known, so no puzzle can be named and none is answered. Put the file of
the data set beside the checkpoint, or name it with `--identifiers`, and import it again.
"""


def import_checkpoint(
    source: Path, store: Path, name: str, description: str = "", arch: Path | None = None, dataset: Path | None = None, identifiers: Path | None = None
) -> Entry:
    """Put the checkpoint `source`, a file or the folder that has it, into the store as `name`, replacing what was there.

    `arch`, `dataset` and, for ARC, `identifiers` are the reference's files, looked for beside the checkpoint when not given; only the last may be
    missing. Raises `InvalidModel` naming the file and the key or field at fault; the store is then what it was.
    """
    file = _checkpoint_file(source)
    dataset = dataset or _beside(file, (DATASET, f"train/{DATASET}", f"test/{DATASET}"), "--dataset")
    config = config_of(arch or _beside(file, (ARCH,), "--config"), dataset)
    grid, checkpoint = grid_of(config), Checkpoint(file)
    checkpoint.check(config)
    names = identifiers or _identifiers(file, dataset) if grid.family == "arc" else None
    if names is not None:
        read_identifiers(names, config.num_puzzle_identifiers)
    described = _described(file, config, grid, name, description, named=names is not None)
    with replacing(store, described) as folder:
        weights.write(checkpoint, folder / WEIGHTS)
        export((weights.read_but_puzzles if config.named else weights.read)(folder / WEIGHTS, config), folder / GRAPH)
        if names is not None:
            shutil.copyfile(names, folder / IDENTIFIERS)
        (folder / CARD).write_text(card(described, config, named=names is not None))
    return read(store / name)


def _checkpoint_file(source: Path) -> Path:
    """The file itself, or the last step in a folder."""
    if not source.exists():
        raise InvalidModel(f"{source} does not exist")
    if not source.is_dir():
        return source
    steps = {int(match[1]): path for path in source.iterdir() if (match := re.fullmatch(r"step_(\d+)", path.name))}
    if not steps:
        raise InvalidModel(f"{source} has no checkpoint called step_N: name the file")
    return steps[max(steps)]


def _beside(file: Path, names: tuple[str, ...], option: str) -> Path:
    found = [file.parent / name for name in names if (file.parent / name).is_file()]
    if not found:
        raise InvalidModel(f"there is no {names[0]} beside {file}: name it with {option}")
    return found[0]


def _identifiers(file: Path, dataset: Path) -> Path | None:
    """The data set's names of its puzzles: beside the checkpoint or dataset.json, or above the folder `train` or `test` that has that one."""
    places = (file.parent, dataset.parent, *([dataset.parent.parent] if dataset.parent.name in ("train", "test") else []))
    return next((place / IDENTIFIERS for place in places if (place / IDENTIFIERS).is_file()), None)


def _described(file: Path, config: TRMConfig, grid: Grid, name: str, description: str, named: bool) -> Manifest:
    """The manifest: rules decide where there are rules, the halting head elsewhere, and votes of the attempts where there are copies to vote."""
    ruled, steps = grid.family != "arc", config.halt_max_steps
    attempts = 8 if ruled or named else 1
    return manifest(
        name,
        description=description or f"{grid.family} {grid.height}x{grid.width}, imported; accuracy not measured",
        puzzle=grid,
        arch=config.to_json(),
        defaults=Defaults(halt="verified" if ruled else "learned", max_steps=steps, attempts=attempts),
        limits=Limits(max_steps=min(4 * steps, STEPS_LIMIT), attempts=4 * attempts),
        guesses=None,
        provenance={"imported_from": file.name, "sha256": digest(file), "torch": torch.__version__},
    )


def card(described: Manifest, config: TRMConfig, named: bool) -> str:
    """The model card: what the import knows, and what it does not."""
    grid, source = described.puzzle, described.provenance
    embedding = f"{config.num_puzzle_identifiers:,} puzzle embeddings of {config.puzzle_emb_ndim}" if config.prefix_len else "no puzzle embedding"
    nameless = NO_NAMES if grid.family == "arc" and not named else ""
    return f"""# {described.name}

{described.description}

Imported by `trm import` from a checkpoint of the reference implementation. **Its accuracy was not measured**, nor is it known what it was trained on, or how.

| | |
| --- | --- |
| source file | `{source["imported_from"]}` |
| its sha256 | `{source["sha256"]}` |
| reads | {grid.family} {grid.height}x{grid.width} |
| mixer | {config.mixer}; positions: {config.pos_encodings} |
| size | {config.hidden_size} channels, {config.L_layers} layers, {embedding} |
| one step | {config.H_cycles} cycles of {config.L_cycles} z_L refinements and 1 z_H refinement |

It computes in float32, whatever precision it was trained in.
{nameless}"""
