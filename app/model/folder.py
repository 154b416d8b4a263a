"""A folder of the store, written whole or not at all. Knows files and the manifest; no tensors, no training."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from app.errors import InvalidModel, mistakes
from app.model.identifiers import IDENTIFIERS
from app.model.store import GRAPH, MANIFEST, WEIGHTS, Manifest, digest

CARD = "README.md"


def manifest(name: str, **fields: Any) -> Manifest:
    """What is known of a model before its files are written. Raises `InvalidModel` naming every wrong field, the name among them."""
    try:
        return Manifest(schema_version=1, name=name, accuracy=[], sha256={}, **fields)
    except ValidationError as error:
        raise InvalidModel(f"the model cannot be described: {mistakes(error)}") from error


@contextmanager
def replacing(store: Path, described: Manifest) -> Iterator[Path]:
    """A folder to write a model's files into. At the end of the block it gets the manifest, with digests, and the name's place in the store.

    When the block fails the folder is removed, and the store is what it was. Raises `InvalidModel` for files that cannot be written.
    """
    target, partial, known = store / described.name, store / f".{described.name}.partial", store.exists()
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        yield partial
        sha256 = {file: digest(partial / file) for file in (WEIGHTS, GRAPH, IDENTIFIERS) if (partial / file).exists()}
        (partial / MANIFEST).write_text(described.model_copy(update={"sha256": sha256}).model_dump_json(indent=2) + "\n")
        _swap(partial, target)
    except BaseException as error:
        shutil.rmtree(partial, ignore_errors=True)
        if not known:
            with suppress(OSError):  # not empty, or never made
                store.rmdir()
        if isinstance(error, OSError):
            raise InvalidModel(f"{target} cannot be written: {error}") from error
        raise


def _swap(partial: Path, target: Path) -> None:
    """Put a folder in the place of another, which is let go of only then."""
    old = target.with_name(f".{target.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.rename(old)
    partial.rename(target)
    shutil.rmtree(old, ignore_errors=True)
