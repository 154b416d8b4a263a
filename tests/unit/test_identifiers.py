"""`identifiers.json`: which rows of a puzzle embedding belong to which puzzle."""

import json

import pytest

from app.errors import InvalidModel
from app.model.identifiers import Identifiers, read
from app.model.store import ModelStore
from tests.support.arc import NAMES, put_arc


def test_a_puzzle_comes_before_its_copies_and_they_in_their_order() -> None:
    known = Identifiers(NAMES)
    assert (list(known), len(known)) == (["mirror", "fill"], 6)
    assert known.copies("mirror", 9) == [(1, "mirror"), (2, NAMES[2]), (4, NAMES[4])]
    assert known.copies("mirror", 2) == [(1, "mirror"), (2, NAMES[2])]


def test_a_puzzle_that_comes_after_its_copies_is_the_first_of_them_still() -> None:
    assert Identifiers(["<blank>", NAMES[2], "mirror"]).copies("mirror", 9) == [(2, "mirror"), (1, NAMES[2])]


def test_copies_and_the_blank_are_no_ids() -> None:
    known = Identifiers(NAMES)
    assert "fill" in known
    assert not any(name in known for name in ("<blank>", NAMES[2], "filled", "", None))


def test_names_of_any_script_are_kept() -> None:
    names = ["<blank>", "täsk", "任务", "任务|||t3|||0123456789"]
    assert [Identifiers(names).name(row) for row in range(4)] == names


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([], "entry 0 is not <blank>"),
        (["a", "b"], "entry 0 is not <blank>"),
        (["<blank>", "a", "a"], "a name is there twice"),
        (["<blank>", 7], "entry 1"),
        (["<blank>", "a", "a|||t9|||0123456789"], "entry 2: 'a|||t9|||0123456789' is not of the form"),
        ({"a": 1}, "not a list of names"),
        (["<blank>", "a"], "it has 2 names, the model 3 puzzle embeddings"),
    ],
)
def test_a_wrong_file_is_refused_with_its_name_and_the_entry(tmp_path, names, said) -> None:
    path = tmp_path / "identifiers.json"
    path.write_text(json.dumps(names))
    with pytest.raises(InvalidModel) as caught:
        read(path, 3)
    assert caught.value.detail.startswith(f"{path}: ")
    assert said in caught.value.detail


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "\ud800"])
def test_what_is_no_json_is_refused_too(tmp_path, text) -> None:
    path = tmp_path / "identifiers.json"
    path.write_bytes(text.encode(errors="surrogatepass"))
    with pytest.raises(InvalidModel, match=str(path)):
        read(path, 3)


def test_a_model_that_knows_the_id_is_chosen_before_one_that_does_not(tmp_path) -> None:
    put_arc(tmp_path, "small")
    put_arc(tmp_path, "large", side=9, names=[*NAMES[:5], "other"])
    store = ModelStore(tmp_path)
    assert [store.resolve(None, "arc", 3, 3, name).name for name in ("mirror", "other", "nobody")] == ["small", "large", "small"]
    assert (store.resolve("arc", "arc", 3, 3, "other").name, store.resolve("small", "arc", 3, 3, "other").name) == ("large", "small")
    assert store.resolve(None, "arc", 6, 3, "mirror").name == "large"


def test_the_file_must_be_the_one_described(tmp_path) -> None:
    folder = put_arc(tmp_path)
    (folder / "identifiers.json").write_text(json.dumps([*NAMES[:5], "other"]))
    with pytest.raises(InvalidModel, match="sha256 differs"):
        ModelStore(tmp_path).entries["tasks"].identifiers  # noqa: B018  # read on access


def test_a_model_without_the_file_knows_nobody(tmp_path) -> None:
    put_arc(tmp_path, names=None)
    entry = ModelStore(tmp_path).entries["tasks"]
    assert (entry.identifiers, entry.knows("mirror"), entry.knows(None)) == (None, False, True)
