"""The torch runner as it runs on a GPU, but for the capture: sizes rounded up to buckets, answers judged and kept where they are, bfloat16."""

import shutil
from collections.abc import Callable

import numpy as np
import pytest
import torch

from app.engine.engine import Engine
from app.engine.request import Finished, Outcome, Request
from app.engine.runner import Judged
from app.engine.scheduler import Guesses
from app.engine.torch_rules import check
from app.engine.torch_runner import TorchRunner, buckets
from app.model import weights
from app.model.trm import TRM
from app.puzzles.families import FAMILIES
from tests.contract.test_runner_agreement import CONFIGS
from tests.model.entries import STORE, copies, grid_of, puzzles
from tests.support.models import random_model
from tests.support.requests import ask
from tests.support.stores import tiny

NAMES = ["sudoku", "maze", "arc"]


@pytest.mark.parametrize(
    ("slots", "expected"), [(1, [1]), (2, [1, 2]), (3, [1, 2, 3]), (32, [1, 2, 4, 8, 16, 32]), (33, [1, 2, 4, 8, 16, 32, 33]), (48, [1, 2, 4, 8, 16, 32, 48])]
)
def test_buckets_are_powers_of_two_and_all_slots(slots: int, expected: list[int]) -> None:
    assert buckets(slots) == expected


def grids(model: TRM, count: int) -> np.ndarray:
    return np.random.default_rng(count).integers(1, 6, (count, model.config.seq_len), dtype=np.uint8)


@pytest.mark.parametrize("name", CONFIGS)
def test_what_a_slot_gets_does_not_depend_on_the_bucket(name: str) -> None:
    model = random_model(CONFIGS[name])
    exact, rounded = TorchRunner(model, 8), TorchRunner(model, 8, bucketed=True)
    for slot, grid in enumerate(grids(model, 8)):
        for runner in (exact, rounded):
            runner.load(slot, grid)
    for size in (8, 3, 5, 6, 1, 7, 8):
        (answers, logits), (others, other_logits) = exact.step(size), rounded.step(size)
        assert np.abs(logits - other_logits).max() < 1e-4
        assert (answers == others).mean() > 0.99
        assert all((one - other).abs().max() < 1e-3 for one, other in zip(exact.state.carry, rounded.state.carry, strict=True))


class Observed(TorchRunner):
    """Notes of which slots the answers are fetched, and which are right."""

    def step(self, size, first=0):
        judged, logits = super().step(size, first)
        assert isinstance(judged, Judged)
        self.fetched, self.right = list[int](), np.flatnonzero(judged.violations == 0).tolist()

        def fetch(rows):
            self.fetched += rows
            return judged.fetch(rows)

        return Judged(judged.violations, fetch), logits


def made(name: str, kind: Callable[..., TorchRunner], **as_on_a_gpu: object) -> Engine:
    """An engine of seven slots around a model of the store, on the grid of the tests."""
    entry = STORE.entries[name]
    family, grid = entry.manifest.puzzle.family, grid_of(entry)
    if as_on_a_gpu:
        as_on_a_gpu["check"] = check(family, entry.manifest.puzzle.height, entry.manifest.puzzle.width, "cpu")
    runner = kind(weights.load(entry), 7, **as_on_a_gpu)
    sized = runner if grid == entry.grids[-1] else runner.on(*grid)
    supposed = Guesses(**entry.manifest.guesses.model_dump()) if entry.manifest.guesses else None
    return Engine(sized, FAMILIES[family].rules(*grid), guesses=supposed)


def asked(name: str, number: int) -> Request:
    entry = STORE.entries[name]
    halt = "learned" if entry.manifest.puzzle.family == "arc" else "verified"
    cells = puzzles(name, 20).questions[number].tobytes()
    return ask(str(number), cells=cells, halt=halt, max_steps=1 + number % 2, attempts=2, copies=copies(entry, number), trace=number % 4 == 0)


def essence(outcome: Finished) -> tuple[object, ...]:
    assert isinstance(outcome, Outcome)
    trace = [(each.attempt, each.step, each.cells) for each in outcome.trace]
    return outcome.cells, outcome.verified, outcome.steps, outcome.attempts, outcome.halt_reason, trace


@pytest.mark.skipif(not shutil.which("g++"), reason="torch compiles for a CPU with g++, and there is none")
@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")
@pytest.mark.parametrize("name", ["units-4", "mlp"])
def test_a_compiled_step_gives_what_a_plain_one_does(name: str) -> None:
    plain, compiled = (TorchRunner(random_model(CONFIGS[name]), 5, compiled=compiled) for compiled in (False, True))
    for slot, grid in enumerate(grids(plain.model, 5)):
        for runner in (plain, compiled):
            runner.load(slot, grid)
    for size in (5, 3, 1, 4):
        (answers, logits), (others, other_logits) = plain.step(size), compiled.step(size)
        assert np.abs(logits - other_logits).max() < 1e-4
        assert (answers == others).mean() > 0.99


@pytest.mark.parametrize("name", NAMES)
def test_an_engine_gives_the_same_outcomes_whoever_judges(name: str) -> None:
    """Guesses among them: what the model sees is not what is judged."""
    outcomes = []
    for engine in (made(name, TorchRunner), made(name, TorchRunner, bucketed=True)):
        for number in range(20):
            engine.add(asked(name, number))
        finished: dict[str, Finished] = {}
        while engine.busy:
            finished |= {each.id: each for each in engine.step().finished}
        outcomes.append({identity: essence(each) for identity, each in finished.items()})
    assert len(outcomes[0]) == 20
    assert outcomes[0] == outcomes[1]
    assert {each[1] for each in outcomes[0].values()} == ({None} if name == "arc" else {True, False})
    assert 2 in {each[3] for each in outcomes[0].values()}


def observed(name: str, lasts: list[int]) -> list[tuple[int, set[int], set[int]]]:
    """Of each step: how many puzzles ended, the slots fetched, and those that are right. They run on to the end, solved or not; one has no answer yet."""
    engine = made(name, Observed, bucketed=True)
    plain = {"halt": "never", "trace": False, "attempts": 1}
    for number, last in enumerate(lasts):
        engine.add(asked(name, number)._replace(max_steps=last, **plain))
    engine.add(asked(name, 3)._replace(max_steps=max(lasts) + 4, **plain))
    return [(len(engine.step().finished), set(engine.runner.fetched), set(engine.runner.right)) for _ in range(max(lasts))]


def test_only_the_last_answers_are_fetched_where_one_right_answer_is_as_good_as_another() -> None:
    steps = observed("sudoku", [3, 5, 5])
    assert [ended for ended, _, _ in steps] == [0, 0, 1, 0, 2]
    assert [len(fetched) for _, fetched, _ in steps] == [0, 0, 1, 0, 2]
    assert any(right - fetched for _, fetched, right in steps)


def test_right_answers_are_fetched_where_one_may_be_better_than_another() -> None:
    steps = observed("maze", [12, 14, 14])
    assert [ended for ended, _, _ in steps] == [0] * 11 + [1, 0, 2]
    assert all(right <= fetched and len(fetched) <= len(right) + ended for ended, fetched, right in steps)
    assert any(right and not ended for ended, _, right in steps)
    assert not all(len(fetched) == 4 for _, fetched, _ in steps), "one is not right yet, and nobody asked for its answer"


def test_the_question_is_judged_and_not_the_guesses_in_the_tokens() -> None:
    puzzle = puzzles("sudoku", 20)
    question, answer = puzzle.questions[0], puzzle.answers[0]
    runner = TorchRunner(weights.load(STORE.entries["sudoku"]), 2, check=check("sudoku", 9, 9, "cpu"))
    blank = int(np.flatnonzero(question == 1)[0])
    wrong = question.copy()
    wrong[blank] = answer[blank] % 9 + 2
    runner.load(0, answer, question=question)
    runner.load(1, answer, question=wrong)
    judged, _ = runner.step(2)
    assert isinstance(judged, Judged)
    given = judged.fetch([0, 1])
    assert (given == answer).all(), "a filled grid is copied"
    assert judged.violations.tolist() == [0, 1] == FAMILIES["sudoku"].rules(9, 9).violations(np.stack([question, wrong]), given).tolist()


@pytest.mark.parametrize("name", CONFIGS)
def test_bfloat16_is_near_and_leaves_norms_positions_and_the_q_head_as_they_are(name: str) -> None:
    config = CONFIGS[name]
    exact, narrow = TorchRunner(random_model(config), 4), TorchRunner(random_model(config), 4, dtype=torch.bfloat16, bucketed=True)
    assert {parameter.dtype for key, parameter in narrow.model.named_parameters() if key.startswith("q_head")} == {torch.float32}
    assert {parameter.dtype for key, parameter in narrow.model.named_parameters() if not key.startswith("q_head")} == {torch.bfloat16}
    assert {buffer.dtype for buffer in narrow.model.buffers() if buffer.is_floating_point()} == {torch.float32}
    assert {z.dtype for z in narrow.state.carry} == {torch.bfloat16}
    for slot, grid in enumerate(grids(exact.model, 4)):
        for runner in (exact, narrow):
            runner.load(slot, grid)
    (answers, logits), (others, other_logits) = exact.step(3), narrow.step(3)
    assert np.abs(logits - other_logits).max() < 0.15
    assert (answers == others).mean() > 0.9
    assert (logits != other_logits).any()


def test_the_last_of_two_loads_counts_and_a_move_takes_what_was_loaded() -> None:
    model = random_model(tiny(4))
    first, second, third = grids(model, 3)
    runner, plain = TorchRunner(model, 3, bucketed=True), TorchRunner(model, 3)
    for slot, grid in ((0, first), (0, second), (1, third)):
        runner.load(slot, grid)
    runner.swap(1, 2)
    runner.load(1, first)
    for slot, grid in enumerate((second, first, third)):
        plain.load(slot, grid)
    assert np.allclose(runner.step(3)[1], plain.step(3)[1], atol=1e-5)
