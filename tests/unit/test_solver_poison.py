"""A cache may hold anything: nothing in it is believed, and nothing in it can break a solve."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.answers import STORED, Answer, Remembered
from app.preparing import Options
from tests.support.grids import ANSWERS, QUESTIONS, broken_rules, digits, tokens

ANSWER = Answer(tokens(ANSWERS[4]).tobytes(), True, None, 3, 1, "verified", 0.9)
QUESTION = tokens(QUESTIONS[4])


def remembered(cells) -> Remembered:
    """These cells as an answer in the cache."""
    return Remembered(1, QUESTION.tobytes(), 16, 2, Answer(cells.tobytes(), True, None, 3, 1, "verified", 0.9))


WRITTEN = json.loads(STORED.dump_json(remembered(tokens(ANSWERS[4]))))


@pytest.fixture
def poisoned(solver):
    """Solve once, put `value` in place of the answer, solve again."""

    async def solve(value: bytes):
        await solver.solve("sudoku", QUESTIONS[4], None, Options())
        (key,) = solver.cache.values
        await solver.cache.set(key, value, 100)
        return await solver.solve("sudoku", QUESTIONS[4], None, Options())

    return solve


def mistyped(**changes: object) -> bytes:
    """What was written, with some fields of the answer changed."""
    return json.dumps({**WRITTEN, "answer": {**WRITTEN["answer"], **changes}}).encode()


def misplaced(**changes: object) -> bytes:
    """What was written, with some fields around the answer changed."""
    return json.dumps({**WRITTEN, **changes}).encode()


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"7",
        b"{}",
        b"\xff\x00",
        json.dumps(WRITTEN["answer"]).encode(),
        misplaced(answer={name: value for name, value in WRITTEN["answer"].items() if name != "steps"}),
        misplaced(version=2),
        misplaced(version="1"),
        misplaced(max_steps=None),
        misplaced(puzzle="zz"),
        misplaced(colour="red"),
        mistyped(colour="red"),
        mistyped(cells=None),
        mistyped(cells="zz"),
        mistyped(cells="0203"),
        mistyped(cells=WRITTEN["answer"]["cells"] * 2),
    ],
)
async def test_what_is_no_answer_is_solved_again_and_counted(poisoned, counted, value) -> None:
    solution = await poisoned(value)
    assert (solution.cache, solution.answer) == ("miss", ANSWER)
    assert counted("trm_cache_errors_total", kind="value") == (value != b"")


@pytest.mark.parametrize(
    "value",
    [mistyped(steps="3"), mistyped(attempts=None), mistyped(halt_reason="magic"), mistyped(halt_probability=[]), mistyped(steps=-1), b"[" * 100_000],
)
async def test_what_is_an_answer_in_shape_only_is_solved_again(poisoned, value) -> None:
    solution = await poisoned(value)
    assert (solution.cache, solution.answer) == ("miss", ANSWER)


@pytest.mark.parametrize("cells", [tokens(QUESTIONS[4]), tokens(ANSWERS[4])[::-1], tokens("1" * 16), tokens("." * 16) + 254, tokens(ANSWERS[4])])
async def test_verified_is_what_the_rules_say_whatever_the_cache_says(poisoned, cells) -> None:
    solution = await poisoned(STORED.dump_json(remembered(cells)))
    found = [token - 1 for token in solution.answer.cells]
    assert solution.answer.verified == (broken_rules(digits(QUESTIONS[4]), found, 4) == 0)


async def test_an_answer_that_claims_to_be_verified_and_is_not_is_solved_again(poisoned) -> None:
    solution = await poisoned(STORED.dump_json(remembered(tokens("1" * 16))))
    assert (solution.cache, solution.answer) == ("miss", ANSWER)


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reading_of_an_answer(value) -> None:
    with pytest.raises(ValidationError):
        STORED.validate_json(value)


def test_an_answer_is_read_as_it_was_written() -> None:
    assert STORED.validate_json(STORED.dump_json(remembered(QUESTION))) == remembered(QUESTION)
