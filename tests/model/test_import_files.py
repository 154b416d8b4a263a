"""A file that is no whole checkpoint of plain tensors is refused in one sentence, nothing in it is executed, and nothing is written."""

import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch


@pytest.mark.parametrize("left", [0, 3, 200, -1, -200, -20_000])
@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_cut_short_is_named(run: Path, refused: Callable[..., None], left: int, zipped: bool) -> None:
    torch.save(torch.load(run / "step_7", weights_only=True), run / "step_7", _use_new_zipfile_serialization=zipped)
    (run / "step_7").write_bytes((run / "step_7").read_bytes()[:left])
    refused("step_7 is not a ")


@pytest.mark.parametrize("content", [b"hello there, this is no checkpoint\n", b"PK\x03\x04" + bytes(100), b"\x80\x02}q\x00.", bytes(1000)])
def test_a_file_of_something_else_is_named(run: Path, refused: Callable[..., None], content: bytes) -> None:
    (run / "step_7").write_bytes(content)
    refused("step_7")


def test_a_compressed_file_is_refused_for_a_mapping_would_see_other_numbers(run: Path, refused: Callable[..., None]) -> None:
    with zipfile.ZipFile(run / "step_7") as plain, zipfile.ZipFile(run / "packed", "w", zipfile.ZIP_DEFLATED) as packed:
        for each in plain.namelist():
            packed.writestr(each, plain.read(each))
    (run / "packed").replace(run / "step_7")
    refused("step_7", "is compressed")


class Harmful:
    """Unpickled, it would make a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("form", ["zip", "legacy", "pickle"])
def test_nothing_in_the_file_is_executed(run: Path, refused: Callable[..., None], form: str) -> None:
    content = {"H_init": torch.zeros(24), "payload": Harmful(run / "executed")}
    if form == "pickle":
        (run / "step_7").write_bytes(pickle.dumps(content))
    else:
        torch.save(content, run / "step_7", _use_new_zipfile_serialization=form == "zip")
    refused("step_7", "nothing in it was executed")
    assert not (run / "executed").exists()


def test_more_layers_than_the_file_could_have_are_refused_at_once(run: Path, refused: Callable[..., None]) -> None:
    path = run / "all_config.yaml"
    path.write_text(path.read_text().replace("L_layers: 2", "L_layers: 1000000000"))
    refused("L_layers", "1000000000")


@pytest.mark.parametrize("value", ["1000000000000", "1" + "0" * 30])
def test_sizes_beyond_any_memory_are_refused(run: Path, refused: Callable[..., None], value: str) -> None:
    path = run / "all_config.yaml"
    path.write_text(path.read_text().replace("hidden_size: 24", f"hidden_size: {value}").replace("puzzle_emb_ndim: 24", "puzzle_emb_ndim: 0"))
    refused("step_7")
