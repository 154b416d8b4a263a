"""The rules, copies and guesses of the page's own modules against the server's, on answers right and wrong."""

from collections.abc import Awaitable, Callable

import numpy as np
import pytest

from app.puzzles.base import Rules, Tokens
from app.puzzles.guessing import ROUNDS
from app.puzzles.maze import Maze
from app.puzzles.sudoku import BLANK, ENOUGH, Sudoku
from app.training import mazes
from app.training.generator import generate
from tests.browser.playground import Playground

pytestmark = pytest.mark.asyncio(loop_scope="session")
Visit = Callable[..., Awaitable[Playground]]
JUDGE = """async ([family, height, width, pairs]) => {
  const rules = (await import(`/web/js/${family}.js`)).rules(height, width);
  return pairs.map(([question, answer]) => {
    const [asked, told] = [Uint8Array.from(question), Uint8Array.from(answer)];
    const broken = rules.violations(asked, told);
    return [broken, broken ? 0 : rules.excess(asked, told)];
  });
}"""
COPY = """async ([family, height, width, question, answer]) => {
  const rules = (await import(`/web/js/${family}.js`)).rules(height, width);
  const { chance } = await import("/web/js/chance.js");
  const { applied, restored } = await import("/web/js/device/loop.js");
  return [...Array(20).keys()].map((seed) => {
    const copy = rules.symmetry(chance(seed));
    return [question, answer].map((tokens) => applied(copy, Uint8Array.from(tokens))).map((tokens) => [...tokens, ...restored(copy, tokens)]);
  });
}"""
GUESS = """async ([side, question, count]) => {
  const { chance } = await import("/web/js/chance.js");
  const guesses = (await import("/web/js/sudoku.js")).rules(side).guesses(Uint8Array.from(question), 2, 4, chance(1));
  return Array.from({ length: count }, () => [...guesses.next().value]);
}"""


def cases(family: str, height: int, width: int) -> tuple[Rules, Tokens, Tokens]:
    """Rules and puzzles with their answers, (puzzles, cells)."""
    rng = np.random.default_rng(height)
    if family == "sudoku":
        sudokus = generate(height, 6, (height, height * 3), rng)
        return Sudoku().rules(height, width), sudokus.questions, sudokus.answers
    made = mazes.generate(height, width, 6, rng, rooms=True)
    return Maze().rules(height, width), made.questions, made.answers


def spoilt(answer: Tokens, family: str, rng: np.random.Generator) -> Tokens:
    """An answer with a few cells changed."""
    wrong = answer.copy()
    cells = rng.choice(len(wrong), int(rng.integers(1, 4)), replace=False)
    wrong[cells] = rng.integers(1, 6, len(cells)) if family == "maze" else rng.integers(1, int(len(wrong) ** 0.5) + 2, len(cells))
    return wrong


SIZES = [("sudoku", 4, 4), ("sudoku", 6, 6), ("sudoku", 9, 9), ("maze", 5, 5), ("maze", 7, 12)]


@pytest.mark.parametrize(("family", "height", "width"), SIZES)
async def test_both_judge_alike(visit: Visit, family: str, height: int, width: int) -> None:
    page, rng = await visit(), np.random.default_rng(0)
    rules, questions, answers = cases(family, height, width)
    pairs = list(zip(questions, answers, strict=True))
    pairs += [(question, spoilt(answer, family, rng)) for question, answer in pairs for _ in range(8)]
    asked, told = (np.array(each) for each in zip(*pairs, strict=True))
    broken = rules.violations(asked, told)
    excess = np.where(broken == 0, rules.excess(asked, told), 0)
    judged = await page.page.evaluate(JUDGE, [family, height, width, [[question.tolist(), answer.tolist()] for question, answer in pairs]])
    assert judged == np.stack([broken, excess], axis=1).tolist()
    assert 0 < (broken == 0).sum() < len(broken)


@pytest.mark.parametrize(("family", "height", "width"), SIZES)
async def test_a_copy_of_an_answer_answers_the_copy_and_can_be_taken_back(visit: Visit, family: str, height: int, width: int) -> None:
    page = await visit()
    rules, questions, answers = cases(family, height, width)
    cells = height * width
    copies = np.array(await page.page.evaluate(COPY, [family, height, width, questions[0].tolist(), answers[0].tolist()]), dtype=np.uint8)
    assert not rules.violations(copies[:, 0, :cells], copies[:, 1, :cells]).any()
    assert (copies[:, 0, cells:] == questions[0]).all()
    assert (copies[:, 1, cells:] == answers[0]).all()
    assert len({copy.tobytes() for copy in copies[:, 0, :cells]}) > 3


@pytest.mark.parametrize("side", [4, 6, 9])
async def test_guesses_contradict_nothing_and_a_round_has_a_right_one(visit: Visit, side: int) -> None:
    page = await visit()
    _, questions, answers = cases("sudoku", side, side)
    guesses = np.array(await page.page.evaluate(GUESS, [side, questions[0].tolist(), 40]), dtype=np.uint8)
    added = (guesses != questions[0]).sum(1)
    filled = np.arange(1, 41) % (ROUNDS + 1) == 0
    assert (added[~filled] == 2).all()
    assert (added[filled] == max(ENOUGH[side] - (questions[0] != BLANK).sum(), 4)).any()
    assert (questions[0][np.nonzero(guesses != questions[0])[1]] == BLANK).all()
    assert not any(Sudoku().rules(side, side).contradictory(guess.tobytes()) for guess in guesses)
    on_empty = np.array(await page.page.evaluate(GUESS, [side, [BLANK] * side**2, 40]), dtype=np.uint8)
    assert (on_empty != BLANK).sum(1).max() == ENOUGH[side]
    assert not any(Sudoku().rules(side, side).contradictory(guess.tobytes()) for guess in on_empty)
    assert len(np.unique(on_empty, axis=0)) > 30
    assert any((guess[guess != BLANK] == answers[0][guess != BLANK]).all() for guess in guesses)
