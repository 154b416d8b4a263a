"""Where no rule can judge, attempts run on the trained copies that the request names, and their answers are votes."""

import numpy as np

from app.engine.engine import Engine
from app.engine.request import Copy, Expired
from app.puzzles.arc import Arc, augmentation_of
from tests.support.engines import run, solve
from tests.support.requests import ask
from tests.support.runners import Clock

SIDE = 4
COPIES = tuple(Copy(row, name) for row, name in [(3, "task"), (5, "task|||t1|||0213456789"), (9, "task|||t6|||0987654321"), (2, "task|||t4|||0123456789")])
QUESTION = Arc().place(Arc().parse([[1, 2, 3], [4, 5, 6]]), SIDE, SIDE)


def answer(*rows: list[int]) -> bytes:
    return Arc().place(Arc().parse(list(rows)), SIDE, SIDE)


A, B, C = answer([1, 2]), answer([3], [4]), answer([7, 7], [8, 0])


class Copied:
    """Shows, on whatever copy is loaded, that copy of the next of the answers it was told, with garbage around; every step takes a second."""

    device, slots, cells = "cpu", 1, SIDE * SIDE

    def __init__(self, *answers: bytes, logits: tuple[float, ...] = (), steps: int = 1) -> None:
        self.answers, self.logits, self.steps, self.clock = list(answers), list(logits) or [1.0] * len(answers), steps, Clock()
        self.loaded: list[tuple[int, bytes]] = []

    def load(self, slot, tokens, puzzle_id=0, question=None):
        self.loaded.append((puzzle_id, tokens.tobytes()))
        self.left = self.steps

    def step(self, size, first=0):
        self.clock.now += 1
        self.left -= 1
        index = len(self.loaded) - 1
        copy = augmentation_of(COPIES[index].name)
        shown = copy.apply(np.frombuffer(self.answers[index], dtype=np.uint8))
        shown[(shown == 0) & shown.any()] = 11  # a model is not taught what to write outside of the grid
        return shown[None], np.array([[self.logits[index] if not self.left else -1.0, -9.0]], dtype=np.float32)


def asked(runner: Copied, attempts: int = 4, **fields):
    engine = Engine(runner, Arc().rules(SIDE, SIDE), clock=runner.clock)
    request = ask("a", cells=QUESTION, halt="learned", attempts=attempts, copies=COPIES[:attempts], **fields)
    return solve(engine, request)


def test_each_attempt_runs_on_the_copy_of_its_turn_with_its_embedding() -> None:
    runner = Copied(A, B, C, A)
    assert asked(runner).attempts == 4
    question = np.frombuffer(QUESTION, dtype=np.uint8)
    assert runner.loaded == [(copy.puzzle_id, augmentation_of(copy.name).apply(question).tobytes()) for copy in COPIES]


def test_answers_are_mapped_back_and_the_one_with_most_votes_is_the_outcome() -> None:
    outcome = asked(Copied(A, B, C, B))
    assert (outcome.cells, outcome.verified, outcome.halt_reason, outcome.steps) == (B, None, "learned", 4)


def test_an_answer_without_a_grid_wins_over_none() -> None:
    nothing = bytes(len(QUESTION))
    outcome = asked(Copied(nothing, nothing, A, nothing))
    assert (outcome.cells, outcome.attempts) == (A, 4)


def test_of_equally_many_votes_the_likelier_answer_wins_with_its_mean_probability() -> None:
    outcome = asked(Copied(A, B, A, B, logits=(0.5, 2.0, 0.5, 1.0)))
    assert outcome.cells == B
    assert round(outcome.halt_probability, 4) == round((1 / (1 + np.exp(-2.0)) + 1 / (1 + np.exp(-1.0))) / 2, 4)


def test_attempts_stop_when_no_other_answer_can_overtake() -> None:
    runner = Copied(A, A, A, B)
    outcome = asked(runner)
    assert (outcome.cells, outcome.attempts, len(runner.loaded)) == (A, 3, 3)


def test_one_attempt_is_its_own_vote() -> None:
    outcome = asked(Copied(A), attempts=1)
    assert (outcome.cells, outcome.attempts) == (A, 1)


def test_at_the_deadline_the_votes_so_far_decide() -> None:
    outcome = asked(Copied(A, B, B, B, steps=2), deadline=5.0)
    assert (outcome.cells, outcome.attempts, outcome.steps, outcome.halt_reason) == (B, 3, 5, "deadline")


def test_a_puzzle_whose_deadline_passes_between_attempts_has_an_outcome() -> None:
    runner = Copied(A, B, steps=2)
    engine = Engine(runner, Arc().rules(SIDE, SIDE), clock=runner.clock)
    first = ask("a", cells=QUESTION, halt="learned", attempts=2, copies=COPIES[:2], deadline=1.5)
    finished = run(engine, first, ask("b", cells=QUESTION, halt="learned", deadline=0.5))
    assert isinstance(finished["b"], Expired)
    assert (finished["a"].cells, finished["a"].halt_reason) == (A, "deadline")


def test_the_trace_shows_answers_as_they_count() -> None:
    outcome = asked(Copied(A, B, B, B), trace=True)
    assert [(step.attempt, step.cells) for step in outcome.trace] == [(1, A), (2, B), (3, B), (4, B)]
