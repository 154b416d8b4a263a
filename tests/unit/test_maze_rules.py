"""The rule check of mazes against naive ones that share no code with it, and the symmetries that must not change what it says."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.puzzles.maze import MazeRules, rules
from app.training.mazes import generate
from tests.support.mazes import SQUARE, SQUARE_ANSWER, broken_rules, is_right, rows_of, shortest_paths, tokens

OPEN = ["S    ", "     ", "     ", "     ", "    G"]
HALL = ["#S  ##", "#   ##", "#     ", "## # #", "## G #"]


@st.composite
def judged(draw) -> tuple[int, list[str], list[str]]:
    """A width, a maze, and a right answer spoilt: some cells rewritten, some marked or cleared, and perhaps a ring drawn somewhere."""
    height, width, seed = draw(st.integers(5, 9)), draw(st.integers(5, 9)), draw(st.integers(0, 2**32 - 1))
    made = generate(height, width, 1, np.random.default_rng(seed), loopy=1, opened=1, draws=2)
    answer, cells = made.answers[0].copy(), st.integers(0, height * width - 1)
    free = np.flatnonzero(made.questions[0] == 2)
    if draw(st.booleans()):
        row, column, side = draw(st.integers(0, height - 3)), draw(st.integers(0, width - 3)), draw(st.sampled_from([2, 3]))
        ring = np.pad(np.zeros((side - 2, side - 2), dtype=bool), 1, constant_values=True)
        answer.reshape(height, width)[row : row + side, column : column + side][ring] = 5
    for place in draw(st.lists(st.integers(0, len(free) - 1), max_size=4)) if len(free) else []:
        answer[free[place]] = 7 - answer[free[place]] if answer[free[place]] in (2, 5) else 5
    for cell in draw(st.lists(cells, max_size=2)):
        answer[cell] = draw(st.integers(0, 6))
    return width, rows_of(made.questions[0], width), rows_of(answer, width)


def of(question: list[str]) -> MazeRules:
    return rules(len(question), len(question[0]))


def violations(question: list[str], *answers: list[str]) -> list[int]:
    batch = np.stack([tokens(answer) for answer in answers])
    return of(question).violations(np.repeat(tokens(question)[None], len(batch), axis=0), batch).tolist()


def optimal(question: list[str], answer: list[str]) -> bool:
    return bool(of(question).optimal(tokens(question)[None], tokens(answer)[None])[0])


@given(judged())
def test_violations_are_those_that_a_naive_checker_counts(case) -> None:
    _, question, answer = case
    assert violations(question, answer) == [broken_rules(question, answer)]


@given(judged())
def test_an_answer_is_right_exactly_when_one_can_walk_it_without_a_choice(case) -> None:
    _, question, answer = case
    assert (violations(question, answer) == [0]) == is_right(question, answer)


@given(judged())
def test_optimal_is_right_with_no_more_marks_than_the_shortest_path_has(case) -> None:
    _, question, answer = case
    marks = sum(line.count("o") for line in answer)
    assert optimal(question, answer) == (is_right(question, answer) and marks + 1 == shortest_paths(question)[0])


@given(st.lists(judged(), min_size=1, max_size=5), st.integers(0, 2**32 - 1))
def test_symmetric_copies_are_judged_as_the_originals(cases, seed) -> None:
    for width, question, answer in cases:
        symmetry = of(question).symmetry(np.random.default_rng(seed))
        asked, given = (rows_of(symmetry.apply(tokens(grid)), width) for grid in (question, answer))
        assert violations(asked, given) == violations(question, answer)
        assert optimal(asked, given) == optimal(question, answer)
        assert rows_of(symmetry.invert(symmetry.apply(tokens(answer))), width) == answer


def test_of_all_ways_to_mark_a_maze_the_right_ones_are_those_that_a_walk_finds() -> None:
    free = np.flatnonzero(tokens(HALL) == 2)
    marks = np.array(list(product((2, 5), repeat=len(free))), dtype=np.uint8)
    answers = np.repeat(tokens(HALL)[None], len(marks), axis=0)
    answers[:, free] = marks
    inputs = np.repeat(tokens(HALL)[None], len(marks), axis=0)
    right = np.array([is_right(HALL, rows_of(answer, 6)) for answer in answers])
    assert ((of(HALL).violations(inputs, answers) == 0) == right).all()
    lengths = (answers == 5).sum(1) + 1
    assert (of(HALL).optimal(inputs, answers) == (right & (lengths == shortest_paths(HALL)[0]))).all()
    assert len(set(lengths[right].tolist())) > 1, "the maze has no detours to tell from shortest paths"


@pytest.mark.parametrize(
    ("answer", "verdict", "broken"),
    [
        (["Soooo", "    o", "    o", "    o", "    G"], "right", 0),
        (["S    ", "o    ", "o ooo", "ooo o", "    G"], "right, with a detour", 0),
        (["S    ", "o    ", "oooo ", "   oo", "    G"], "right", 0),
        (["Soooo", "    o", " oo o", " oo o", "    G"], "a ring of four apart from the path", 4),
        (["Soooo", "o   o", "o   o", "o   o", "ooooG"], "two ways", 2),
        (["Soooo", "   oo", "    o", "    o", "    G"], "a corner cut and not cut", 2),
        (["Soooo", "ooooo", "o    ", "ooooo", "    G"], "a path that runs alongside itself", 8),
        (["Sooo ", "    o", "    o", "    o", "    G"], "a step over a corner", 6),
        (["Soooo", "    o", "    o", "     ", "    G"], "a gap", 3),
        (["Soooo", "    o", "    o", "o   o", "    G"], "a mark of its own", 2),
        (["ooooo", "    o", "    o", "    o", "    G"], "S is gone", 1),
        (["Soooo", "    o", "    o", "    o", "    S"], "G is gone", 1),
        (["Soooo", "#   o", "    o", "    o", "    G"], "a new wall", 1),
        (OPEN, "no mark", 3),
    ],
)
def test_what_counts_as_a_path(answer, verdict, broken) -> None:
    assert violations(OPEN, answer) == [broken], verdict


def test_a_mark_on_a_wall_breaks_a_rule() -> None:
    through = ["Sooo ", "# #o#", "   oo", " ###o", "   #G"]
    assert violations(SQUARE, through, SQUARE_ANSWER) == [1, 0]


def test_a_detour_is_right_and_not_optimal() -> None:
    question = ["S    ", " ### ", " #G# ", " #   ", "     "]
    assert shortest_paths(question)[0] == 8
    detour = ["Soooo", " ###o", " #G#o", " #ooo", "     "]
    assert (violations(question, detour), optimal(question, detour)) == ([0], False)


def test_between_neighbours_there_is_nothing_to_mark() -> None:
    question = ["SG   ", "     ", "     ", "     ", "     "]
    around = ["SG   ", "oo   ", "     ", "     ", "     "]
    assert (violations(question, question), optimal(question, question)) == ([0], True)
    assert violations(question, around)[0] > 0


@pytest.mark.parametrize(("size", "copies"), [((6, 6), 8), ((5, 8), 4)])
def test_squares_have_eight_symmetries_and_rectangles_four_all_equally_likely(size, copies) -> None:
    grid = np.arange(size[0] * size[1], dtype=np.uint8)
    found = [rules(*size).symmetry(np.random.default_rng(seed)).apply(grid).tobytes() for seed in range(800)]
    assert len(set(found)) == copies
    assert min(found.count(each) for each in set(found)) > 400 / copies
