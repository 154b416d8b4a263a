"""What a model store serves, and which model a puzzle gets."""

import json

import pytest

from app.errors import InvalidModel, UnknownModel
from app.model.store import GRAPH, MANIFEST, WEIGHTS, Manifest, ModelStore, digest, read, write
from tests.support.stores import manifest, put, tiny


@pytest.fixture
def root(tmp_path):
    for name, side in (("beta", 9), ("alpha", 9), ("small", 4)):
        put(tmp_path, name, side)
    return tmp_path


def test_an_empty_choice_serves_the_whole_store(root) -> None:
    assert list(ModelStore(root).entries) == ["alpha", "beta", "small"]


def test_only_the_models_chosen_are_served(root) -> None:
    assert list(ModelStore(root, ("small",)).entries) == ["small"]


def test_one_that_wants_to_be_named_is_served_only_then(root) -> None:
    put(root, "large", on_request=True)
    assert "large" not in ModelStore(root).entries
    assert list(ModelStore(root, ("large", "small")).entries) == ["large", "small"]


def test_a_chosen_model_that_is_not_there_is_named(root) -> None:
    with pytest.raises(UnknownModel, match="has no model delta, gamma"):
        ModelStore(root, ("small", "gamma", "delta"))


@pytest.mark.parametrize(
    ("name", "side", "served"),
    [("beta", 9, "beta"), ("sudoku", 9, "alpha"), (None, 9, "alpha"), ("sudoku", 4, "small"), (None, 4, "small")],
)
def test_a_puzzle_gets_the_model_named_or_the_first_of_its_family_and_size(root, name, side, served) -> None:
    assert ModelStore(root).resolve(name, "sudoku", side, side).name == served


def test_a_model_is_called_by_its_name_or_by_its_familys(root) -> None:
    assert [ModelStore(root).called(name).name for name in ("small", "sudoku")] == ["small", "alpha"]
    put(root, "sudoku", 4)
    assert ModelStore(root).called("sudoku").name == "sudoku"
    with pytest.raises(UnknownModel, match="no model is called 'maze' here; there are: alpha, beta, small, sudoku"):
        ModelStore(root).called("maze")


def test_the_familys_name_reaches_every_size_though_one_model_has_that_name(root) -> None:
    put(root, "sudoku", 9)
    store = ModelStore(root)
    assert store.resolve("sudoku", "sudoku", 9, 9).name == "sudoku"
    assert store.resolve("sudoku", "sudoku", 4, 4).name == "small"


@pytest.mark.parametrize(
    ("name", "family", "side", "sentence"),
    [
        ("gamma", "sudoku", 9, "no model is called 'gamma' here; there are: alpha, beta, small"),
        ("gamma", "sudoku", 6, "no model is called 'gamma' here; there are: alpha, beta, small"),
        ("alpha", "sudoku", 4, "'alpha' reads no 4x4 sudoku; there are: alpha (sudoku 9x9), beta (sudoku 9x9), small (sudoku 4x4)"),
        ("sudoku", "sudoku", 6, "'sudoku' reads no 6x6 sudoku; there are: "),
        (None, "sudoku", 6, "no model reads no 6x6 sudoku; there are: "),
        (None, "maze", 9, "no model for maze puzzles is served here; there are: alpha (sudoku 9x9), "),
        ("maze", "maze", 9, "no model for maze puzzles is served here; there are: "),
        ("alpha", "maze", 9, "'alpha' reads no 9x9 maze; there are: "),
    ],
)
def test_a_puzzle_that_no_model_reads_is_refused_with_what_there_is(root, name, family, side, sentence) -> None:
    with pytest.raises(UnknownModel) as caught:
        ModelStore(root).resolve(name, family, side, side)
    assert caught.value.detail.startswith(sentence)


def test_an_entry_knows_its_version_architecture_and_files(root) -> None:
    entry = ModelStore(root).entries["small"]
    assert entry.version == digest(root / "small" / WEIGHTS)[:12]
    assert entry.config == tiny(4)
    assert entry.file(GRAPH) == root / "small" / GRAPH


def test_what_is_written_is_read_back(root) -> None:
    folder = root / "small"
    described = Manifest.model_validate(manifest(folder, 4, description="another", accuracy=[{"data": "d", "puzzles": 5, "solved": 0.5, "mean_steps": 2}]))
    assert write(folder, described).manifest == described
    assert read(folder).manifest == described
    assert json.loads((folder / MANIFEST).read_text())["description"] == "another"


def test_a_folder_without_a_manifest_is_no_model(root) -> None:
    (root / "notes").mkdir()
    assert "notes" not in ModelStore(root).entries


def test_a_folder_that_is_still_being_written_is_no_model(root) -> None:
    (root / "alpha").rename(root / ".alpha.partial")
    assert list(ModelStore(root).entries) == ["beta", "small"]


def test_a_store_that_is_empty_or_no_folder_is_refused(tmp_path) -> None:
    with pytest.raises(InvalidModel, match="is empty"):
        ModelStore(tmp_path)
    with pytest.raises(InvalidModel, match=r"nowhere is not a folder"):
        ModelStore(tmp_path / "nowhere")
