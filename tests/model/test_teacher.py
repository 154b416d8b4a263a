"""Distillation: a frozen teacher in the student's slots, the loss that learns from it, and runs that are resumed with it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.numpy import load_file

from app.cli import main
from app.errors import InvalidModel
from app.model import weights
from app.model.trm import TRM, Carry
from app.training.act import losses
from app.training.teacher import Teacher, imitation
from app.training.train import Run
from tests.model import runs
from tests.model.entries import STORE
from tests.model.test_losses import ANSWERS, CONSISTENT, output

RECIPE = runs.RECIPE.changed({"distill": 0.7, "temperature": 3.0})


def teacher(name: str = "wise 0123", seed: int = 7) -> Teacher:
    """One that is wider than the student, with random weights."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Teacher(TRM(RECIPE.changed({"arch.hidden_size": 48}).arch), name, RECIPE.slots)


def taught(folder: Path, by: Teacher | None) -> Run:
    return Run(folder, RECIPE, runs.source(RECIPE), teacher=by)


def content(folder: Path) -> dict[str, bytes]:
    return {name: value.tobytes() for name, value in load_file(folder / "state.safetensors").items()}


@pytest.mark.parametrize("interrupted_at", [1, 5, 11])
def test_an_interrupted_run_ends_where_an_uninterrupted_one_does(tmp_path: Path, interrupted_at: int) -> None:
    taught(tmp_path / "whole", teacher()).train()
    first = taught(tmp_path / "parts", teacher())
    for _ in range(interrupted_at):
        first.step()
    first.save(first.path)
    taught(tmp_path / "parts", teacher()).train()
    whole = content(tmp_path / "whole")
    assert {"teacher.z_H", "teacher.z_L"} < whole.keys()
    assert content(tmp_path / "parts") == whole


def test_another_teacher_makes_another_student(tmp_path: Path) -> None:
    for folder, by in (("a", teacher()), ("b", teacher(seed=8)), ("c", None)):
        taught(tmp_path / folder, by).train()
    students = [{name: value for name, value in content(tmp_path / folder).items() if name.startswith("model.")} for folder in "abc"]
    assert students[0] != students[1] != students[2] != students[0]


def test_the_teacher_walks_in_the_students_slots(tmp_path: Path) -> None:
    """Its carry is what each slot's puzzle would have made of a fresh one since the student took it."""
    training, other = taught(tmp_path, teacher()), teacher().model
    expected, refilled = other.fresh(RECIPE.slots), 0
    for _ in range(10):
        new = training.slots.halted
        training.step()
        begun = (torch.where(new[:, None, None], *pair) for pair in zip(other.fresh(RECIPE.slots), expected, strict=True))
        with torch.no_grad():
            expected, _ = other(Carry(*begun), training.slots.questions)
        assert training.teacher is not None
        torch.testing.assert_close(training.teacher.carry, expected)
        refilled += int(new.sum())
    assert refilled > RECIPE.slots


def test_its_weights_stay_as_they_are(tmp_path: Path) -> None:
    by, before = teacher(), teacher()
    taught(tmp_path, by).train()
    for (name, value), old in zip(by.model.named_parameters(), before.model.parameters(), strict=True):
        assert torch.equal(value, old), name
        assert value.grad is None


@pytest.mark.parametrize(("first", "second", "words"), [("wise 0123", None, "not with none"), (None, "wise 0123", "no teacher"), ("a 1", "a 2", "a 1.*a 2")])
def test_a_run_goes_on_with_its_own_teacher_only(tmp_path: Path, first: str | None, second: str | None, words: str) -> None:
    training = taught(tmp_path, teacher(first) if first else None)
    training.save(training.path)
    before = content(tmp_path)
    with pytest.raises(InvalidModel, match=words):
        taught(tmp_path, teacher(second) if second else None)
    assert content(tmp_path) == before


def test_equal_answers_cost_nothing_however_the_logits_are_shifted() -> None:
    logits = torch.randn(2, 3, 11, generator=torch.Generator().manual_seed(0))
    assert imitation(logits, logits + 5, 2.0).tolist() == pytest.approx([0, 0], abs=1e-5)


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_the_cost_is_the_divergence_of_the_softened_answers(temperature: float) -> None:
    student, given = torch.tensor([[[2.0, 0.0], [0.0, 0.0]]]), torch.tensor([[[0.0, 0.0], [4.0, 0.0]]])
    theirs, ours = (torch.softmax(each / temperature, -1) for each in (given, student))
    expected = (theirs * (theirs / ours).log()).sum() / 2 * temperature**2
    assert imitation(student, given, temperature).item() == pytest.approx(expected.item(), rel=1e-5)


def test_the_gradient_goes_to_the_student_and_is_as_large_at_any_temperature() -> None:
    sizes = []
    for temperature in (10.0, 20.0):
        student, given = torch.zeros(1, 1, 11, requires_grad=True), torch.arange(11.0)[None, None]
        imitation(student, given, temperature).sum().backward()
        assert student.grad is not None
        sizes.append(student.grad.norm().item())
    assert sizes[0] == pytest.approx(sizes[1], rel=0.1)


@pytest.mark.parametrize(("distill", "cost"), [(0.0, 50.0), (1.0, 3.0), (0.25, 0.75 * 50 + 0.25 * 3)])
def test_the_loss_is_a_mix_of_the_labels_and_the_teacher(distill: float, cost: float) -> None:
    wrong = ANSWERS.clone()
    wrong[:, 1] = 9
    loss, _ = losses(output(wrong, [0.0, 0.0]), ANSWERS, CONSISTENT, 0.0, imitated=torch.tensor([2.0, 4.0]), distill=distill)
    assert loss.item() == pytest.approx(cost, rel=1e-3)


def test_a_question_that_contradicts_itself_is_not_imitated() -> None:
    loss, _ = losses(output(ANSWERS, [0.0, 0.0]), ANSWERS, torch.tensor([True, False]), 0.0, imitated=torch.tensor([9.0, 4.0]), distill=1.0)
    assert loss.item() == pytest.approx(4.0)


def test_a_student_learns_without_labels_from_a_teacher_that_knows(tmp_path: Path) -> None:
    entry = STORE.entries["sudoku-4x4"]
    recipe = replace(RECIPE, updates=120, slots=32, distill=1.0, q_weight=0.0)
    learning = Run(tmp_path, recipe, runs.source(recipe), teacher=Teacher(weights.load(entry), entry.name, recipe.slots))
    figures = [learning.step() for _ in range(120)]
    assert sum(each["loss"] for each in figures[-20:]) < 0.7 * sum(each["loss"] for each in figures[:20])


TINY = ("--recipe", "sudoku-4x4", "--set", "updates=2", "--set", "slots=4", "--set", "arch.hidden_size=24", "--generate", "40", "--no-compile")


def test_the_recipe_records_who_taught(tmp_path: Path) -> None:
    assert main(["train", str(tmp_path), *TINY, "--teacher", "sudoku-4x4", "--set", "distill=0.3"]) == 0
    written = json.loads((tmp_path / "recipe.json").read_text())
    assert (written["teacher"], written["distill"]) == (f"sudoku-4x4 {STORE.entries['sudoku-4x4'].version}", 0.3)


@pytest.mark.parametrize(("name", "words"), [("sudoku", ("9x9", "4x4")), ("maze", ("maze", "4x4")), ("nobody", ("nobody",))])
def test_a_teacher_that_reads_other_grids_is_refused_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, words: tuple[str, ...]
) -> None:
    assert main(["train", str(tmp_path / "run"), *TINY, "--teacher", name]) == 1
    said = capsys.readouterr().err
    assert all(word in said for word in words), said
    assert not (tmp_path / "run").exists()


def test_a_maze_teacher_reads_the_students_mazes_whatever_their_size(tmp_path: Path) -> None:
    changes = {"updates": 2, "slots": 4, "arch.hidden_size": 16, "arch.seq_len": 49, "arch.grid_shape": [7, 7]}
    settings = [part for name, value in changes.items() for part in ("--set", f"{name}={value}")]
    assert main(["train", str(tmp_path), "--recipe", "maze", *settings, "--no-compile", "--teacher", "maze"]) == 0
    assert json.loads((tmp_path / "recipe.json").read_text())["teacher"].startswith("maze ")
