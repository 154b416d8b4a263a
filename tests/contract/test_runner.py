"""What every runner does: slots with state of their own, and one step over the first n of them."""

from collections.abc import Callable

import numpy as np
import pytest

from app.engine.native.builds import builds
from app.engine.native_runner import NativeRunner
from app.engine.onnx_runner import OnnxRunner
from app.engine.runner import Runner
from app.engine.torch_runner import TorchRunner
from app.errors import InvalidModel
from app.model import weights
from app.model.store import GRAPH, WEIGHTS, ModelStore
from tests.support.engines import varied
from tests.support.grids import tokens
from tests.support.runners import Oracle

PUZZLES = [tokens(text) for text in ("1.....3..4.....2", ".13......2.4....", "12..34..........", "1...............")]
RUNNERS: dict[str, Callable[..., Runner]] = {
    "torch": lambda entry, slots: TorchRunner(weights.load(entry), slots),
    "torch in buckets": lambda entry, slots: TorchRunner(weights.load(entry), slots, bucketed=True),
    "onnx": lambda entry, slots: OnnxRunner(entry.file(GRAPH), slots, threads=1),
    "oracle": lambda entry, slots: Oracle(slots, 16, varied),
    **{f"native, {build}": lambda entry, slots, build=build: NativeRunner(entry.file(WEIGHTS), entry.config, slots, build) for build in builds()},
}


@pytest.fixture(params=RUNNERS)
def make(request: pytest.FixtureRequest, real_store) -> Callable[..., Runner]:
    """A runner with the puzzles given in its slots, and more slots than that."""
    entry = ModelStore(real_store).entries["four"]

    def made(*puzzles: np.ndarray) -> Runner:
        runner = RUNNERS[request.param](entry, len(puzzles) + 2)
        for slot, puzzle in enumerate(puzzles):
            runner.load(slot, puzzle)
        return runner

    return made


def same(first, second) -> bool:
    """Equal answers, and logits equal but for the rounding of another batch size."""
    return bool((first[0] == second[0]).all()) and np.allclose(first[1], second[1], atol=1e-5)


def alone(make, puzzle: np.ndarray, steps: int) -> list[tuple[np.ndarray, np.ndarray]]:
    runner = make(puzzle)
    return [runner.step(1) for _ in range(steps)]


def test_a_step_gives_an_answer_and_a_logit_for_every_slot_it_runs(make) -> None:
    runner = make(*PUZZLES)
    answers, logits = runner.step(3)
    assert (answers.shape, answers.dtype, logits.shape, logits.dtype) == ((3, 16), np.uint8, (3, 2), np.float32)
    assert (runner.slots, runner.cells, runner.device) == (6, 16, "cpu")


def test_every_step_goes_on_from_the_one_before(make) -> None:
    first, second = alone(make, PUZZLES[0], 2)
    assert not same(first, second)


def test_a_slot_is_not_touched_by_the_others(make) -> None:
    crowd, apart = make(*PUZZLES), [alone(make, puzzle, 4) for puzzle in PUZZLES]
    for step in range(4):
        answers, logits = crowd.step(4)
        for slot in range(4):
            assert same((answers[slot], logits[slot]), (apart[slot][step][0][0], apart[slot][step][1][0]))
    assert len({round(float(logits[0, 0]), 4) for _, logits in (each[0] for each in apart)}) > 1, "the puzzles themselves differ"


def test_a_slot_that_was_loaded_may_move_before_its_first_step(make) -> None:
    runner = make(PUZZLES[1], PUZZLES[2])
    runner.step(2)
    runner.load(1, PUZZLES[0])
    runner.swap(0, 1)
    assert same(runner.step(1), alone(make, PUZZLES[0], 1)[0])
    runner.swap(0, 1)
    assert same(runner.step(1), alone(make, PUZZLES[1], 2)[1])


def test_loading_a_slot_starts_afresh(make) -> None:
    runner = make(PUZZLES[1])
    for _ in range(3):
        runner.step(1)
    runner.load(0, PUZZLES[0])
    assert same(runner.step(1), alone(make, PUZZLES[0], 1)[0])


def test_swapped_slots_go_on_where_they_were(make) -> None:
    runner = make(*PUZZLES[:3])
    for _ in range(2):
        runner.step(3)
    runner.swap(2, 0)
    assert same(runner.step(1), alone(make, PUZZLES[2], 3)[2])
    runner.swap(0, 2)
    assert same(runner.step(1), alone(make, PUZZLES[0], 3)[2])


def test_the_slots_beyond_a_step_wait_as_they_are(make) -> None:
    runner = make(*PUZZLES[:3])
    for _ in range(2):
        runner.step(1)
    answers, logits = runner.step(3)
    assert same((answers[1:2], logits[1:2]), alone(make, PUZZLES[1], 1)[0])
    assert same((answers[:1], logits[:1]), alone(make, PUZZLES[0], 3)[2])


def test_an_answer_once_given_stays_as_it_is(make) -> None:
    runner = make(*PUZZLES)
    answers, logits = runner.step(4)
    kept = answers.copy(), logits.copy()
    runner.load(0, PUZZLES[3])
    runner.step(4)
    assert (answers == kept[0]).all()
    assert (logits == kept[1]).all()


def test_a_runner_keeps_a_copy_of_what_it_loads(make) -> None:
    puzzle = PUZZLES[0].copy()
    runner = make(puzzle)
    puzzle[:] = 1
    assert same(runner.step(1), alone(make, PUZZLES[0], 1)[0])


def test_a_puzzle_that_nobody_may_write_to_can_be_loaded(make) -> None:
    runner = make(np.frombuffer(PUZZLES[0].tobytes(), dtype=np.uint8))
    assert same(runner.step(1), alone(make, PUZZLES[0], 1)[0])


@pytest.mark.parametrize("content", [b"", b"not a graph", b"\x08\x07" * 50])
def test_a_file_that_is_no_graph_is_refused_by_name(tmp_path, content) -> None:
    path = tmp_path / GRAPH
    path.write_bytes(content)
    with pytest.raises(InvalidModel, match=str(path)):
        OnnxRunner(path, 1, 1)
