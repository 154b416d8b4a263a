"""ARC tasks are read from the public forms, wrong ones refused by file and cell, and only train pairs are ever drawn."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.errors import InvalidRequest
from app.puzzles.arc import Arc, augmentation_of, base_of
from app.training.arc import ArcSource, read_tasks
from tests.support.arc import put_tasks, task

SIDE = 5


def source(folder: Path, copies: int = 3, moved: float = 0.0, seed: int = 0) -> ArcSource:
    return ArcSource(read_tasks([folder]), SIDE, copies, moved, np.random.default_rng(seed))


def test_a_file_a_task_and_a_file_of_many_give_the_same(tmp_path: Path) -> None:
    put_tasks(tmp_path / "each", "a", "b")
    (tmp_path / "all.json").write_text(json.dumps({"a": task(), "b": task()}))
    each, together = read_tasks([tmp_path / "each"]), read_tasks([tmp_path / "all.json"])
    assert [one.name for one in each] == [one.name for one in together] == ["a", "b"]
    for one, other in zip(each, together, strict=True):
        for pair, same in zip(one.train + one.test, other.train + other.test, strict=True):
            assert (pair.question == same.question).all()
            assert pair.answer is not None
            assert (pair.answer == same.answer).all()


def test_a_test_pair_may_lack_its_output(tmp_path: Path) -> None:
    given = task()
    del given["test"][0]["output"]
    (tmp_path / "open.json").write_text(json.dumps(given))
    assert read_tasks([tmp_path / "open.json"])[0].test[0].answer is None


def wrong(change: str) -> Any:
    """A task with one thing wrong."""
    given = task()
    match change:
        case "cell":
            given["train"][1]["output"][2][0] = 10
        case "ragged":
            given["test"][0]["input"][1] = [1]
        case "no train":
            given["train"] = []
        case "no test":
            del given["test"]
        case "no output":
            del given["train"][2]["output"]
        case "no input":
            given["train"][0] = {"output": [[1]]}
        case "a list":
            return [given]
    return given


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("cell", "train pair 2, output: cell r3c1 is 10; a colour is 0 to 9"),
        ("ragged", "test pair 1, input: rows of an ARC grid are equally long; row 1 has 3 cells and row 2 has 1"),
        ("no train", "train is not a list of pairs"),
        ("no test", "test is not a list of pairs"),
        ("no output", "train pair 3 has no output"),
        ("no input", "train pair 1: it is not an object with input and output"),
        ("a list", "it is not a JSON object"),
    ],
)
def test_a_wrong_task_is_refused_with_its_file_and_cell(tmp_path: Path, change: str, said: str) -> None:
    (tmp_path / "bad.json").write_text(json.dumps(wrong(change)))
    with pytest.raises(InvalidRequest) as caught:
        read_tasks([tmp_path / "bad.json"])
    assert str(tmp_path / "bad.json") in caught.value.detail
    assert said in caught.value.detail


def test_of_a_file_of_many_the_task_is_named_too(tmp_path: Path) -> None:
    (tmp_path / "all.json").write_text(json.dumps({"fine": task(), "odd": wrong("cell"), "<blank>": task()}))
    with pytest.raises(InvalidRequest, match="task odd, train pair 2"):
        read_tasks([tmp_path / "all.json"])


@pytest.mark.parametrize(("text", "said"), [("{", "cannot be read"), ('{"a|||t1": {}}', "cannot be the name of a task"), ('{"a": 7}', "it is 7")])
def test_what_is_no_task_file_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "file.json").write_text(text)
    with pytest.raises(InvalidRequest, match=said):
        read_tasks([tmp_path / "file.json"])


def test_no_tasks_and_tasks_that_are_there_twice_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="there are no ARC tasks"):
        read_tasks([tmp_path])
    with pytest.raises(InvalidRequest, match="there is a task a already"):
        read_tasks([put_tasks(tmp_path / "one", "a"), put_tasks(tmp_path / "two", "a")])


def test_a_task_larger_than_the_canvas_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="task a has grids of up to 3 cells a side, the model's canvas has 2"):
        ArcSource(read_tasks([put_tasks(tmp_path, "a")]), 2, 1, 0.0, np.random.default_rng(0))


def test_every_copy_has_an_id_of_its_own_named_as_in_the_reference(tmp_path: Path) -> None:
    made = source(put_tasks(tmp_path, "a", "b"))
    assert made.identifiers[:2] == ["<blank>", "a"]
    assert (len(made.identifiers), len(set(made.identifiers))) == (9, 9)
    assert [base_of(name) for name in made.identifiers[1:]] == ["a"] * 4 + ["b"] * 4
    assert source(tmp_path).identifiers == made.identifiers != source(tmp_path, seed=1).identifiers


def test_only_train_pairs_are_drawn_each_as_its_copy_shows_it(tmp_path: Path) -> None:
    made, arc, seen = source(put_tasks(tmp_path, "a")), Arc(), set()
    train = [(pair["input"], pair["output"]) for pair in task()["train"]]
    for _ in range(200):
        question, answer, puzzle_id = made.draw()
        copy = augmentation_of(made.identifiers[puzzle_id])
        back = tuple(arc.render(copy.invert(cells).tobytes(), None) for cells in (question, answer))
        assert back in train
        seen.add((puzzle_id, train.index((back[0], back[1]))))
    assert len(seen) == 4 * len(train)


def test_pairs_are_moved_together_and_stay_on_the_canvas(tmp_path: Path) -> None:
    made, corners = source(put_tasks(tmp_path, "a"), moved=1.0), set()
    for _ in range(100):
        question, answer = (cells.reshape(SIDE, SIDE) for cells in made.draw()[:2])
        tops = [tuple(np.argwhere(cells > 1).min(0).tolist()) for cells in (question, answer)]
        assert tops[0] == tops[1]
        corners.add(tops[0])
    assert len(corners) > 4


def test_a_task_whose_copies_all_look_alike_has_few_of_them(tmp_path: Path) -> None:
    plain = {"train": [{"input": [[0]], "output": [[0]]}], "test": [{"input": [[0]]}]}
    (tmp_path / "plain.json").write_text(json.dumps(plain))
    assert source(tmp_path, copies=9).identifiers == ["<blank>", "plain"]
