"""A folder that is not exactly what it says is refused, with the file and the field at fault."""

import json

import pytest

from app.errors import InvalidModel
from app.model.store import GRAPH, MANIFEST, WEIGHTS, ModelStore, read
from tests.support.stores import manifest, put, tiny


def refusal(folder, **changes) -> str:
    """What is said of a folder with a changed manifest, its path left out."""
    (folder / MANIFEST).write_text(json.dumps(manifest(folder, 9, **changes)))
    with pytest.raises(InvalidModel) as caught:
        read(folder)
    return caught.value.detail.replace(str(folder), "FOLDER")


@pytest.fixture
def folder(tmp_path):
    return put(tmp_path, "model")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"colour": "red"}, "colour"),
        ({"schema_version": 2}, "schema_version"),
        ({"schema_version": "1"}, "schema_version"),
        ({"name": "../elsewhere"}, "name"),
        ({"name": ""}, "name"),
        ({"description": None}, "description"),
        ({"puzzle": {"family": "sudoku", "height": 0, "width": 9}}, "puzzle.height"),
        ({"puzzle": {"family": "sudoku", "height": 9, "width": 9, "depth": 9}}, "puzzle.depth"),
        ({"defaults": {"halt": "whenever", "max_steps": 1, "attempts": 1}}, "defaults.halt"),
        ({"limits": {"max_steps": 0, "attempts": 1}}, "limits.max_steps"),
        ({"limits": {"max_steps": 1}}, "limits.attempts"),
        ({"accuracy": [{"data": "d", "puzzles": 5, "solved": 0.5}]}, "accuracy.0.mean_steps"),
        ({"sha256": {"weights": 5}}, "sha256.weights"),
    ],
)
def test_a_wrong_field_of_the_manifest_is_named_with_the_file(folder, changes, field) -> None:
    said = refusal(folder, **changes)
    assert said.startswith(f"FOLDER/{MANIFEST}: ")
    assert f" {field}: " in said


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"model"', "\xff"])
def test_a_manifest_that_is_no_json_object_is_named(folder, text) -> None:
    (folder / MANIFEST).write_bytes(text.encode("latin-1"))
    with pytest.raises(InvalidModel, match=f"model/{MANIFEST}: "):
        read(folder)


def test_a_folder_without_its_manifest_is_named(tmp_path) -> None:
    with pytest.raises(InvalidModel, match=f"nothing/{MANIFEST}: "):
        read(tmp_path / "nothing")


def test_a_name_other_than_the_folders_is_refused(folder) -> None:
    assert refusal(folder, name="another") == f"FOLDER/{MANIFEST}: the name is 'another', the folder's is 'model'"


def test_a_model_that_reads_another_number_of_cells_is_refused(folder) -> None:
    assert refusal(folder, arch=tiny(4).to_json()) == f"FOLDER/{MANIFEST}: seq_len 16 is not 9 x 9"


def test_a_wrong_architecture_is_named_with_the_file(folder) -> None:
    said = refusal(folder, arch={**tiny(9).to_json(), "colour": "red"})
    assert "colour" in said
    assert said.startswith(f"FOLDER/{MANIFEST}: ")


def test_a_manifest_without_the_digest_of_its_weights_is_refused(folder) -> None:
    assert WEIGHTS in refusal(folder, sha256={})


@pytest.mark.parametrize("file", [WEIGHTS, GRAPH])
def test_a_file_that_changed_since_it_was_described_is_refused(folder, file) -> None:
    (folder / file).write_text("tampered with")
    entry = ModelStore(folder.parent).entries["model"]
    with pytest.raises(InvalidModel, match=f"model/{file} is not the file that {MANIFEST} describes: its sha256 differs"):
        entry.file(file)


@pytest.mark.parametrize("file", [WEIGHTS, GRAPH])
def test_a_file_that_is_missing_is_named(folder, file) -> None:
    (folder / file).unlink()
    entry = ModelStore(folder.parent).entries["model"]
    with pytest.raises(InvalidModel, match=f"model/{file} is missing"):
        entry.file(file)


@pytest.mark.parametrize("file", ["notes.txt", "../other/model.safetensors", MANIFEST])
def test_a_file_that_the_manifest_does_not_list_is_never_given_out(folder, file) -> None:
    (folder / "notes.txt").write_text("not described")
    with pytest.raises(InvalidModel, match="is missing"):
        read(folder).file(file)


def test_one_broken_folder_keeps_the_whole_store_from_being_served(folder) -> None:
    put(folder.parent, "zebra", schema_version=9)
    with pytest.raises(InvalidModel, match=f"zebra/{MANIFEST}: "):
        ModelStore(folder.parent)
