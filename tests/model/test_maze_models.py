"""A maze model from the command line: exported, and measured on mazes smaller and larger than its grid."""

import json
from pathlib import Path

import pytest

from app.cli import main
from app.engine.native.builds import builds
from app.model import weights
from app.model.store import WEIGHTS, Grid, ModelStore
from tests.model.runs import MAZES, RECIPE, run

Said = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a model of mazes up to 5x6 that has learned next to nothing, and one of Sudokus."""
    root = tmp_path_factory.mktemp("store")
    for name, recipe in (("walls", MAZES), ("four", RECIPE)):
        training = run(root / f"{name}-run", recipe)
        training.train()
        assert main(["export", str(root / f"{name}-run"), "--store", str(root / "models"), "--name", name, "--max-steps", "3", "--attempts", "2"]) == 0
    return root / "models"


def evaluated(said: Said, store: Path, name: str, *arguments: str) -> list[dict[str, object]]:
    """The reports of an evaluation that must succeed."""
    said.readouterr()
    assert main(["evaluate", name, "--store", str(store), "--generate", "6", *arguments]) == 0
    return list(json.loads(said.readouterr().out.splitlines()[-1])["reports"])


def test_a_run_on_mazes_becomes_a_model_that_reads_them_and_takes_no_guesses(store: Path) -> None:
    entry = ModelStore(store).entries["walls"]
    assert entry.manifest.puzzle == Grid(family="maze", height=5, width=6)
    assert (entry.manifest.guesses, entry.manifest.defaults.halt) == (None, "verified")
    assert ModelStore(store).resolve(None, "maze", 5, 5).name == "walls"


@pytest.mark.parametrize("backend", ["onnx", "torch"])
def test_it_is_measured_on_mazes_that_fit_its_grid(store: Path, capsys: Said, backend: str) -> None:
    (report,) = evaluated(capsys, store, "walls", "--sizes", "5", "--backend", backend)
    assert (report["data"], report["puzzles"]) == ("mazes 5x5", 6)
    assert isinstance(report["optimal"], float)


def test_both_backends_measure_the_same(store: Path, capsys: Said) -> None:
    first, second = (evaluated(capsys, store, "walls", "--backend", backend)[0] for backend in ("onnx", "torch"))
    assert {**first, "ms_per_puzzle": 0} == {**second, "ms_per_puzzle": 0}


def test_it_can_be_exported_for_larger_mazes_with_the_same_weights(store: Path) -> None:
    assert main(["export", str(store.parent / "walls-run"), "--store", str(store), "--name", "wide", "--size", "9"]) == 0
    first, second = (ModelStore(store).entries[name] for name in ("walls", "wide"))
    assert (second.manifest.puzzle, second.config.grid_shape) == (Grid(family="maze", height=9, width=9), (9, 9))
    assert first.version == second.version


def test_no_model_is_exported_for_a_size_that_mazes_do_not_have(store: Path, capsys: Said) -> None:
    assert main(["export", str(store.parent / "walls-run"), "--store", str(store), "--name", "endless", "--size", "40"]) == 1
    assert "5 to 30" in capsys.readouterr().err
    assert not (store / "endless").exists()


def test_weights_that_fit_one_size_are_exported_for_no_other(store: Path, capsys: Said) -> None:
    assert main(["export", str(store.parent / "four-run"), "--store", str(store), "--name", "nine", "--size", "9"]) == 1
    assert "mixer units" in capsys.readouterr().err


@pytest.mark.parametrize("backend", ["onnx", "torch"])
def test_exported_so_it_is_measured_on_mazes_of_all_sizes_up_to_that(store: Path, capsys: Said, backend: str) -> None:
    assert (
        main(["export", str(store.parent / "walls-run"), "--store", str(store), "--name", "vast", "--size", "30", "--max-steps", "2", "--attempts", "1"]) == 0
    )
    reports = evaluated(capsys, store, "vast", "--sizes", "10,5,17,30", "--backend", backend)
    assert [report["data"] for report in reports] == ["mazes 10x10", "mazes 5x5", "mazes 17x17", "mazes 30x30"]


def test_mazes_with_open_rooms_are_measured_too(store: Path, capsys: Said) -> None:
    (report,) = evaluated(capsys, store, "walls", "--sizes", "5", "--rooms")
    assert report["data"] == "mazes 5x5 with open rooms"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["walls", "--sizes", "5,7"], ("maze up to 5x6", "not 7x7")),
        (["walls", "--sizes", "4"], ("5 to 30",)),
        (["four", "--rooms"], ("sudoku 4x4", "--rooms")),
        (["walls", "--clues", "5"], ("--sizes",)),
        (["walls", "--data", "some.csv"], ("--sizes",)),
        (["walls", "--guesses", "none"], ("--guesses",)),
        (["four", "--output", "/nowhere/figures.json"], ("/nowhere/figures.json cannot be written",)),
        (["four", "--sizes", "9"], ("sudoku 4x4", "--sizes")),
    ],
)
def test_what_cannot_be_measured_is_said_in_one_sentence(store: Path, capsys: Said, arguments: list[str], words: tuple[str, ...]) -> None:
    assert main(["evaluate", *arguments, "--store", str(store)]) == 1
    said = capsys.readouterr().err
    assert said.startswith("trm: ")
    assert said.count("\n") == 1
    assert all(word in said for word in words), said


@pytest.mark.parametrize("name", ["walls", "four"])
def test_one_at_a_time_they_take_the_same_steps_and_the_milliseconds_of_each_are_told(store: Path, capsys: Said, name: str) -> None:
    (together,), (alone,) = evaluated(capsys, store, name), evaluated(capsys, store, name, "--alone")
    timed = {"ms_per_puzzle", "median_ms_alone", "p99_ms_alone"}
    assert alone.keys() - together.keys() == {"median_ms_alone", "p99_ms_alone"}
    assert 0 < float(str(alone["median_ms_alone"])) <= float(str(alone["p99_ms_alone"]))
    assert {key: alone[key] for key in together.keys() - timed} == {key: together[key] for key in together.keys() - timed}


def test_the_figures_are_kept_in_a_file_too(store: Path, tmp_path: Path, capsys: Said) -> None:
    reports = evaluated(capsys, store, "walls", "--output", str(tmp_path / "evaluation.json"))
    assert json.loads((tmp_path / "evaluation.json").read_text())["reports"] == reports


@pytest.mark.parametrize(("given", "expected"), [((), (3, 12, 6, 0.3)), (("--guesses", "2,4,5,1"), (2, 4, 5, 1.0)), (("--guesses", "none"), None)])
def test_how_a_sudoku_model_guesses_is_said_at_its_export(store: Path, given: tuple[str, ...], expected: tuple[float, ...] | None) -> None:
    assert main(["export", str(store.parent / "four-run"), "--store", str(store), "--name", "guessing", *given]) == 0
    guesses = ModelStore(store).entries["guessing"].manifest.guesses
    assert (guesses and tuple(guesses.model_dump().values())) == expected


def test_a_compact_model_has_half_the_weights_and_is_served_where_it_is_named(store: Path, capsys: Said) -> None:
    assert main(["export", str(store.parent / "four-run"), "--store", str(store), "--name", "large", "--compact"]) == 0
    assert "large" not in ModelStore(store).entries
    entry, plain = ModelStore(store, ("large",)).entries["large"], ModelStore(store).entries["four"]
    assert sorted(entry.manifest.sha256) == ["model.safetensors"]
    assert entry.file(WEIGHTS).stat().st_size < 0.6 * plain.file(WEIGHTS).stat().st_size
    rounded, exact = (weights.load(each).state_dict() for each in (entry, plain))
    assert all((rounded[name] == exact[name].bfloat16().float()).all() for name in exact)
    assert evaluated(capsys, store, "large", "--backend", "torch")[0]["puzzles"] == 6
    assert main(["evaluate", "large", "--store", str(store), "--generate", "6", "--backend", "onnx"]) == 1
    assert "TRM_BACKEND=torch" in capsys.readouterr().err


@pytest.mark.skipif(not builds(), reason="this CPU runs no build of the step in C, or there was no compiler")
def test_the_step_in_c_runs_a_compact_model_and_trm_solve_finds_it_by_name(store: Path, capsys: Said) -> None:
    run(store.parent / "wide-run", RECIPE.changed({"arch.mixer": "mlp", "arch.hidden_size": 48, "arch.swiglu_multiple": 16})).train()
    assert main(["export", str(store.parent / "wide-run"), "--store", str(store), "--name", "large", "--compact"]) == 0
    assert evaluated(capsys, store, "large")[0]["puzzles"] == 6
    capsys.readouterr()
    main(["solve", "--store", str(store), "--model", "large", "--format", "json", "1.....3..4.....2"])
    assert json.loads(capsys.readouterr().out)["model"] == "large"


@pytest.mark.parametrize("option", ["--count", "--generate", "--slots", "--attempts", "--max-steps", "--sizes", "--clues", "--threads"])
@pytest.mark.parametrize("value", ["0", "-1", "many"])
def test_a_number_that_counts_nothing_is_no_argument(store: Path, capsys: Said, option: str, value: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["evaluate", "walls", "--store", str(store), f"{option}={value}"])
    assert f"argument {option}: " in capsys.readouterr().err


def test_a_sudokus_report_says_nothing_of_optimal(store: Path, capsys: Said) -> None:
    (report,) = evaluated(capsys, store, "four")
    assert report["optimal"] is None


def test_training_can_begin_with_the_weights_of_a_model_for_another_size(store: Path, tmp_path: Path) -> None:
    changes = {"updates": 1, **{f"arch.{name}": value for name, value in MAZES.arch.on(5, 5).to_json().items()}}
    given = [word for name, value in changes.items() for word in ("--set", f"{name}={json.dumps(value)}")]
    assert main(["train", str(tmp_path), "--recipe", "maze", "--init", "walls", "--store", str(store), "--no-compile", *given]) == 0
    assert json.loads((tmp_path / "recipe.json").read_text())["data"] == ["fresh mazes"]


def test_lists_of_puzzles_are_no_mazes_to_train_on(tmp_path: Path, capsys: Said) -> None:
    assert main(["train", str(tmp_path / "run"), "--recipe", "maze", "--data", "some.csv"]) == 1
    assert "leave --data out" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
