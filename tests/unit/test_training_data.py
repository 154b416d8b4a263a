"""Lists of puzzles: read from CSV with every wrong row named, written back, and split once and for all."""

import gzip

import numpy as np
import pytest

from app.errors import InvalidRequest
from app.training.data import HOLDOUT_SHARE, PuzzleSet, read_csv, write_csv
from app.training.generator import generate
from tests.support.grids import ANSWERS, QUESTIONS, tokens

HEADER = "source,question,answer,rating"


def row(side: int, question: str = "", answer: str = "") -> str:
    return f"somewhere,{question or QUESTIONS[side]},{answer or ANSWERS[side]},7"


@pytest.fixture
def refusal(tmp_path):
    def refused(*lines: str) -> str:
        path = tmp_path / "puzzles.csv"
        path.write_text("\n".join(lines))
        with pytest.raises(InvalidRequest) as caught:
            read_csv(path)
        return caught.value.detail.replace(str(path), "PATH")

    return refused


@pytest.mark.parametrize("name", ["puzzles.csv", "puzzles.csv.gz"])
def test_puzzles_are_read_plain_or_gzipped_with_other_columns_ignored(tmp_path, name) -> None:
    text = "\n".join([HEADER, row(9), row(9)])
    (tmp_path / name).write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode())
    puzzles = read_csv(tmp_path / name)
    assert (len(puzzles), puzzles.height, puzzles.width) == (2, 9, 9)
    assert puzzles.questions.tolist() == [tokens(QUESTIONS[9]).tolist()] * 2
    assert puzzles.answers.tolist() == [tokens(ANSWERS[9]).tolist()] * 2


@pytest.mark.parametrize("name", ["puzzles.csv", "puzzles.csv.gz"])
def test_what_is_written_is_read_back(tmp_path, name) -> None:
    puzzles = generate(6, 5, (10, 14), np.random.default_rng(0))
    write_csv(puzzles, tmp_path / name)
    again = read_csv(tmp_path / name)
    assert (again.questions == puzzles.questions).all()
    assert (again.answers == puzzles.answers).all()


def test_equal_puzzles_make_equal_files(tmp_path) -> None:
    puzzles = generate(4, 3, (5, 8), np.random.default_rng(0))
    for name in ("a.csv.gz", "b.csv.gz"):
        write_csv(puzzles, tmp_path / name)
    assert (tmp_path / "a.csv.gz").read_bytes() == (tmp_path / "b.csv.gz").read_bytes()


def test_a_file_without_the_columns_is_refused(refusal) -> None:
    sentence = "PATH: the first line must name the columns question and answer"
    assert refusal("puzzle,answer", row(9)) == refusal("") == sentence


def test_a_file_without_puzzles_is_refused(refusal) -> None:
    assert refusal(HEADER) == "PATH: no puzzles"


def test_a_wrong_grid_is_named_with_its_line(refusal) -> None:
    assert refusal(HEADER, row(9), row(9, question="." * 80)).startswith("PATH, line 3: a Sudoku string has 16, 36 or 81 characters")
    assert refusal(HEADER, row(9, question="." * 80)).startswith("PATH, line 2: a Sudoku string has 16, 36 or 81 characters")
    assert refusal(HEADER, row(9, question="55" + "." * 79)).startswith("PATH, line 2: the givens contradict the rules: row 1 has 5 in r1c1 and r1c2")


def test_a_row_that_stops_short_is_named_with_its_line(refusal) -> None:
    assert refusal(HEADER, f"somewhere,{QUESTIONS[9]}").startswith("PATH, line 2: ")


def test_lines_are_counted_as_the_file_has_them_empty_ones_too(refusal) -> None:
    assert refusal(HEADER, "", row(9), "", row(9, question="." * 80)).startswith("PATH, line 5: ")
    assert refusal(HEADER, "", row(9), "", row(9, answer=QUESTIONS[9])).startswith("PATH, line 5: ")


@pytest.mark.parametrize("answer", [ANSWERS[9][:-1] + ".", QUESTIONS[9], ANSWERS[9].translate(str.maketrans("12", "21"))])
def test_an_answer_that_does_not_solve_its_question_is_named_with_its_line(refusal, answer) -> None:
    assert refusal(HEADER, row(9), row(9, answer=answer)) == "PATH, line 3: the answer does not solve the question"


@pytest.mark.parametrize("symbol", ["x", ":", "/", " ", "٣", "5", "²"])
@pytest.mark.parametrize("column", ["question", "answer"])
def test_a_symbol_that_is_no_digit_of_this_size_is_refused_with_its_line(refusal, column, symbol) -> None:
    grid = {"question": QUESTIONS[4], "answer": ANSWERS[4]}[column]
    assert refusal(HEADER, row(4), row(4, **{column: symbol + grid[1:]})).startswith("PATH, line 3: ")


@pytest.mark.parametrize(("first", "then"), [(4, 9), (9, 4)])
def test_a_grid_of_another_size_than_the_first_is_named_with_its_line(refusal, first, then) -> None:
    cells = first * first
    sentence = f"PATH, line 3: question and answer must have {cells} characters, as the first question has"
    assert refusal(HEADER, row(first), row(then)) == refusal(HEADER, row(first), row(first, answer=ANSWERS[then])) == sentence


def test_no_puzzle_is_on_both_sides_of_the_split_and_none_is_lost() -> None:
    puzzles = generate(4, 300, (6, 9), np.random.default_rng(0))
    training, held_out = ({question.tobytes() for question in part.questions} for part in puzzles.split())
    assert training.isdisjoint(held_out)
    assert training | held_out == {question.tobytes() for question in puzzles.questions}
    assert 0 < len(held_out) < 300 * 3 / HOLDOUT_SHARE


def test_a_puzzle_falls_on_the_same_side_in_whatever_list_it_stands() -> None:
    puzzles = generate(4, 200, (6, 9), np.random.default_rng(0))
    held_out = {question.tobytes() for question in puzzles.split()[1].questions}
    shuffled = puzzles.take(np.random.default_rng(1).permutation(200)[:120])
    training, held_out_again = shuffled.split()
    assert {question.tobytes() for question in held_out_again.questions} <= held_out
    assert held_out.isdisjoint(question.tobytes() for question in training.questions)


def test_answers_stay_with_their_questions() -> None:
    puzzles = generate(4, 60, (6, 9), np.random.default_rng(0))
    pairs = {question.tobytes(): answer.tobytes() for question, answer in zip(puzzles.questions, puzzles.answers, strict=True)}
    for part in puzzles.split():
        assert all(pairs[question.tobytes()] == answer.tobytes() for question, answer in zip(part.questions, part.answers, strict=True))


@pytest.mark.parametrize(("question", "held_out"), [(QUESTIONS[4], False), ("13244.3.24......", True), (".32.423124......", True), ("1324............", False)])
def test_the_split_is_the_same_in_every_release(question, held_out) -> None:
    """A changed checksum would put puzzles that models were trained on among those they are measured on."""
    alone = PuzzleSet(tokens(question)[None], tokens(ANSWERS[4])[None], 4, 4)
    assert [len(part) for part in alone.split()] == [not held_out, held_out]
