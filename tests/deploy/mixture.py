"""An endless mixture of requests: easy and hard, of every family, repeated, symmetric, impossible, and wrong."""

import itertools
import random
from collections.abc import Iterator

from tests.e2e.puzzles import IMPOSSIBLE, NEWSPAPER, distinct, easy
from tests.e2e.serving import Json, body

MAZE: Json = {"puzzle": {"type": "maze", "grid": ["S #  ", "# # #", "     ", " ### ", "   #G"]}, "options": {"cache": "bypass"}}
ARC: Json = {
    "puzzle": {"type": "arc", "puzzle_id": "b1948b0a", "grid": [[6, 7, 7, 6], [6, 7, 6, 7], [7, 7, 7, 6], [7, 6, 7, 6]]},
    "options": {"cache": "bypass"},
}
HARDEST = "8..........36......7..9.2...5...7.......457.....1...3...1....68..85...1..9....4.."


def fresh(count: int, seed: int, number: int) -> list[Json]:
    """Sudokus that no other call gives, so that no cache knows them."""
    return [{"type": "sudoku", "grid": grid} for grid in distinct(count, seed=1000 * (seed + 1) + number)]


def mixture(seed: int) -> Iterator[Json]:
    """Bodies of requests without end."""
    rng, easier = random.Random(seed), itertools.cycle(distinct(200, seed))
    small = [question for side in (4, 6) for question, _ in easy(side)]
    while True:
        yield body(next(easier), cache="refresh")
        usual = [body(NEWSPAPER), body(rng.choice(small), cache="bypass"), MAZE, ARC]
        wrong = [body("55" + "." * 79), body(NEWSPAPER, "nobody")]
        hard = [body(HARDEST, cache="bypass"), body(IMPOSSIBLE, attempts=2, max_steps=8, cache="refresh")]
        yield rng.choice(rng.choices([usual, wrong, hard], weights=[16, 2, 1])[0])
