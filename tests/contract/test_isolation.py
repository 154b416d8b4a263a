"""A step that fails on one slot: that puzzle fails alone, and the others get what they get without it. On every runner of real models."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from app.energy import Energy
from app.engine import isolation
from app.engine.engine import Engine
from app.engine.native.builds import build_for, builds
from app.engine.native_runner import NativeRunner
from app.engine.onnx_runner import OnnxRunner
from app.engine.request import Failed, Finished, Outcome, Request
from app.engine.runner import Runner
from app.engine.torch_rules import check
from app.engine.torch_runner import TorchRunner
from app.errors import InvalidModel, StepFailed
from app.model import weights
from app.model.export import export
from app.model.store import GRAPH, WEIGHTS, ModelStore
from app.puzzles.sudoku import rules
from app.training.data import PuzzleSet
from app.training.evaluate import Budget, evaluate
from tests.contract.test_runner_agreement import CONFIGS
from tests.support.engines import run
from tests.support.grids import tokens
from tests.support.models import random_model
from tests.support.poison import poisoned_model, put
from tests.support.requests import ask

HEALTHY = [tokens(text).tobytes() for text in ("1.....3..2.....1", ".13......2......", "12..3...........", "1...............", "..2...3.........")]
POISON = tokens("12.............4").tobytes()


def native(folder: Path, slots: int, build: str) -> NativeRunner:
    return NativeRunner(folder / WEIGHTS, ModelStore(folder.parent).entries[folder.name].config, slots, build)


RUNNERS: dict[str, Callable[[Path, int], Runner]] = {
    "onnx": lambda folder, slots: OnnxRunner(folder / GRAPH, slots, 1),
    "torch": lambda folder, slots: TorchRunner(weights.load(ModelStore(folder.parent).entries[folder.name]), slots),
    "torch as on a GPU": lambda folder, slots: TorchRunner(
        weights.load(ModelStore(folder.parent).entries[folder.name]), slots, bucketed=True, check=check("sudoku", 4, 4, "cpu")
    ),
    **{f"native, {build}": lambda folder, slots, build=build: native(folder, slots, build) for build in builds()},
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Models that a digit is poison to, by what it does."""
    root = tmp_path_factory.mktemp("store")
    return {kind: put(root / kind.replace("_", "-"), poisoned_model(kind)) for kind in ("raised", "not_finite")}


@pytest.fixture(params=["raised", "not_finite"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=RUNNERS)
def make(request: pytest.FixtureRequest, folders: dict[str, Path], kind: str) -> Callable[[int], Runner]:
    return lambda slots: RUNNERS[request.param](folders[kind], slots)


def healthy(count: int = 5) -> list[Request]:
    return [ask(f"healthy-{index}", cells=HEALTHY[index % 5], halt="never", max_steps=4 + index % 3, trace=True) for index in range(count)]


def poisoned(identity: str = "poisoned") -> Request:
    return ask(identity, cells=POISON)


def essence(outcome: Finished) -> tuple[object, ...]:
    """All but timings and the last digits of a probability."""
    assert isinstance(outcome, Outcome)
    return outcome.cells, outcome.steps, outcome.halt_reason, outcome.verified, [(each.step, each.cells) for each in outcome.trace]


@pytest.mark.parametrize("place", range(6))
def test_its_neighbours_finish_with_the_same_bits(make, kind, place) -> None:
    without = run(Engine(make(6), rules(4)), *healthy())
    requests = healthy()
    requests.insert(place, poisoned())
    finished = run(Engine(make(6), rules(4)), *requests)
    failed = finished.pop("poisoned")
    assert isinstance(failed, Failed)
    assert failed.kind == kind
    assert failed.detail.startswith("step 1 of attempt 1 " + {"raised": "raised ", "not_finite": "gave numbers"}[kind])
    assert {name: essence(each) for name, each in finished.items()} == {name: essence(each) for name, each in without.items()}


def test_one_that_takes_its_slot_is_not_harmed(make) -> None:
    """Two slots: whoever waits gets the slots of the poisoned one after the other."""
    without = run(Engine(make(2), rules(4)), *healthy(5))
    first, *rest = healthy(5)
    finished = run(Engine(make(2), rules(4)), poisoned("a"), first, poisoned("b"), poisoned("c"), *rest)
    assert [type(finished[name]) for name in "abc"] == [Failed] * 3
    assert {name: essence(each) for name, each in finished.items() if name not in "abc"} == {name: essence(each) for name, each in without.items()}


@pytest.mark.parametrize("count", [1, 2, 3])
def test_when_all_fail_it_is_still_for_the_puzzles_and_the_engine_goes_on(make, count) -> None:
    engine = Engine(make(3), rules(4))
    assert {type(each) for each in run(engine, *(poisoned(str(index)) for index in range(count))).values()} == {Failed}
    assert essence(run(engine, *healthy(1))["healthy-0"]) == essence(run(Engine(make(3), rules(4)), *healthy(1))["healthy-0"])
    engine.scheduler.check()


def test_an_attempt_after_the_first_may_fail_too(make, kind) -> None:
    """Its copy has other digits: that of the second attempt has the poisonous one among them."""
    failed = run(Engine(make(2), rules(4)), ask("a", cells=HEALTHY[2], max_steps=3, attempts=6))["a"]
    assert isinstance(failed, Failed)
    assert failed.kind == kind
    assert int(failed.detail.split()[4]) > 1


def test_batch_refill_too_frees_the_slot(make) -> None:
    finished = run(Engine(make(3), rules(4), refill="batch"), *healthy(2), poisoned(), *healthy(5)[2:])
    assert isinstance(finished.pop("poisoned"), Failed)
    assert len({essence(each)[0] for each in finished.values()}) > 1
    assert all(isinstance(each, Outcome) for each in finished.values())


def states(runner: Runner) -> list[np.ndarray]:
    if isinstance(runner, OnnxRunner | NativeRunner):
        fresh = [runner.fresh.copy()] if isinstance(runner, NativeRunner) else []
        return [runner.tokens.copy(), runner.z_H.copy(), runner.z_L.copy(), *fresh]
    assert isinstance(runner, TorchRunner)
    runner.state.flush()
    return [each.numpy().copy() for each in (runner.state.tokens, *runner.state.carry)]


def test_a_step_that_raises_leaves_every_slot_as_it_was(folders) -> None:
    for made in RUNNERS.values():
        runner = made(folders["raised"], 4)
        for slot, cells in enumerate(HEALTHY[:3]):
            runner.load(slot, np.frombuffer(cells, dtype=np.uint8))
        runner.step(3)
        runner.load(3, np.frombuffer(POISON, dtype=np.uint8))
        before = states(runner)
        with pytest.raises(Exception, match="out of"):
            runner.step(4)
        assert all((old == new).all() for old, new in zip(before, states(runner), strict=True))


class Counted(TorchRunner):
    """A runner that counts the runs and the slots in them."""

    runs, work = 0, 0

    def step(self, size, first=0):
        self.runs, self.work = self.runs + 1, self.work + size
        return super().step(size, first)


@pytest.mark.parametrize(("culprits", "runs", "work"), [([], 1, 32), ([0], 11, 94), ([31], 11, 94), ([3, 17], 19, 124), (range(32), 63, 192)])
def test_finding_the_culprits_costs_what_it_says(culprits, runs, work) -> None:
    runner = Counted(poisoned_model("raised"), 32)
    for slot in range(32):
        runner.load(slot, np.frombuffer(POISON if slot in culprits else HEALTHY[slot % 5], dtype=np.uint8))
    *_, faults = isolation._run(runner, 32)
    assert sorted(faults) == list(culprits)
    assert (runner.runs, runner.work) == (runs, work)


def test_a_model_that_an_empty_grid_fails_in_too_is_broken() -> None:
    runner = TorchRunner(random_model(CONFIGS["units-4"]), 2)
    engine = Engine(runner, rules(4))
    for request in healthy(2):
        engine.add(request)
    engine.step()
    runner.model.q_head.weight.data[0, 0] = float("inf")
    with pytest.raises(InvalidModel, match="numbers that are not finite on an empty grid, too"):
        engine.step()


@pytest.fixture(scope="module", params=CONFIGS)
def architecture(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[TorchRunner | OnnxRunner | NativeRunner]:
    """Runners of one model of each architecture, three slots each, two steps taken."""
    config, folder = CONFIGS[request.param], tmp_path_factory.mktemp("model")
    model = random_model(config)
    export(model, folder / GRAPH)
    weights.save(model, folder / WEIGHTS)
    natives = [NativeRunner(folder / WEIGHTS, config, 3, build) for build in builds() if build_for(config)]
    return [TorchRunner(model, 3), OnnxRunner(folder / GRAPH, 3, threads=1), *natives]


@pytest.mark.parametrize("state", ["z_H", "z_L"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("cell", [0, 7, -1])
def test_what_is_not_finite_anywhere_in_a_state_reaches_its_own_logits_at_once_and_no_others(architecture, state, value, cell) -> None:
    for runner in architecture:
        grids = np.random.default_rng(1).integers(1, 6, (3, runner.cells), dtype=np.uint8)
        for slot, grid in enumerate(grids):
            runner.load(slot, grid)
        runner.step(3)
        tensors = runner.state.carry._asdict() if isinstance(runner, TorchRunner) else {"z_H": runner.z_H, "z_L": runner.z_L}
        kept = {name: each.clone() if isinstance(each, torch.Tensor) else each.copy() for name, each in tensors.items()}
        clean, _ = runner.step(3)
        for name, each in tensors.items():
            each[:] = kept[name]
        tensors[state][1].reshape(-1, tensors[state].shape[-1])[cell, 5] = value
        answers, logits = runner.step(3)
        assert np.isfinite(logits).all(1).tolist() == [True, False, True]
        assert (answers[[0, 2]] == clean[[0, 2]]).all()


def test_an_evaluation_tells_which_puzzle_the_model_fails_on(make) -> None:
    grids = np.array([np.frombuffer(cells, dtype=np.uint8) for cells in (HEALTHY[0], POISON)])
    with pytest.raises(StepFailed, match="puzzle 1: step 1 of attempt 1 "):
        evaluate(Engine(make(2), rules(4)), PuzzleSet(grids, grids, 4, 4), Budget("verified", 2, 1), "two", Energy())
