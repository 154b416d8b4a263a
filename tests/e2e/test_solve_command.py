"""`trm solve`: every family, from arguments, files and stdin; drawn for people, lines and JSON for scripts; here or by a service."""

import json
import re
import socket
import subprocess
from pathlib import Path

import pytest

from tests.e2e.puzzles import ANSWER, IMPOSSIBLE, NEWSPAPER, SUDOKUS, distinct, easy, side_of
from tests.e2e.serving import TRM, Server, environment
from tests.e2e.terminal import file_of, trm, trm_in_a_terminal

MAZE = ["S #  ", "# # #", "     ", " ### ", "   #G"]
WAY = ["So#  ", "#o# #", " oooo", " ###o", "   #G"]
ARC = [[6, 7, 7, 6], [6, 7, 6, 7], [7, 7, 7, 6], [7, 6, 7, 6]]
MIXED = "\n".join(MAZE) + f"\n\n{NEWSPAPER}\n1...............\n"
WRITTEN = '["So#  ","#o# #"," oooo"," ###o","   #G"]'


def failed(ran: subprocess.CompletedProcess[str], status: int, *words: str) -> None:
    """Assert that a command ended in one sentence on stderr and nothing else."""
    assert (ran.returncode, ran.stdout) == (status, "")
    assert ran.stderr.startswith("trm: ")
    assert ran.stderr.count("\n") == 1, ran.stderr
    for word in words:
        assert word in ran.stderr


def test_a_script_gets_the_solution_and_nothing_else() -> None:
    ran = trm("solve", NEWSPAPER)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, ANSWER + "\n", "")


@pytest.mark.parametrize("model", SUDOKUS)
def test_every_sudoku_model_of_the_store_can_be_asked(model: str) -> None:
    question, solution = easy(side_of(model))[0]
    ran = trm("solve", question, "--model", model)
    assert (ran.returncode, ran.stdout) == (0, solution + "\n")


def test_puzzles_of_all_kinds_come_from_files_and_stdin_one_line_each(tmp_path: Path) -> None:
    for ran in (trm("solve", "--file", file_of(tmp_path, MIXED)), trm("solve", stdin=MIXED), trm("solve", "-f", "-", stdin=MIXED)):
        first, second, third = ran.stdout.splitlines()
        assert (ran.returncode, first, second, len(third)) == (0, WRITTEN, ANSWER, 16)


def test_an_arc_grid_goes_with_its_task() -> None:
    ran = trm("solve", "--puzzle-id", "b1948b0a", json.dumps(ARC))
    assert ran.returncode == 0
    assert len(json.loads(ran.stdout)) == 4


def test_json_is_the_answer_of_the_api(server: Server) -> None:
    answered = server.answer(NEWSPAPER, cache="bypass")
    own = {"id": 0, "timing": 0, "cache": 0}
    for where in ((), ("--server", server.url)):
        ran = trm("solve", "--format", "json", NEWSPAPER, *where)
        assert ran.returncode == 0
        assert {**json.loads(ran.stdout), **own} == {**answered, **own}


def test_a_board_without_a_terminal_is_plain_text_that_can_be_read_again() -> None:
    ran = trm("solve", "--format", "board", NEWSPAPER)
    *board, verdict = ran.stdout.splitlines()
    assert "\033" not in ran.stdout
    assert re.sub(r"\D", "", "".join(board)) == ANSWER
    assert re.fullmatch(r"verified; \d+ steps?, 1 attempt, [\d.]+ ms \(sudoku\)", verdict)
    assert trm("solve", stdin="\n".join(board)).stdout == ANSWER + "\n"


def test_an_unsolved_puzzle_is_an_empty_line_a_sentence_and_status_1() -> None:
    ran = trm("solve", NEWSPAPER, IMPOSSIBLE, "--max-steps", 2, "--attempts", 1, "--halt", "verified")
    assert (ran.returncode, ran.stdout) == (1, f"{ANSWER}\n\n")
    assert re.fullmatch(r"trm: puzzle 2: NOT solved: the best grid so far; 2 steps, 1 attempt, .*\n", ran.stderr)


def test_a_deadline_is_kept() -> None:
    ran = trm("solve", IMPOSSIBLE, "--timeout", 0.05, "--format", "json")
    assert (ran.returncode, json.loads(ran.stdout)["halt_reason"]) == (1, "deadline")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["." * 80], ("80",)),
        (["x" + NEWSPAPER[1:]], ("r1c1", "'x'")),
        (["55" + "." * 79], ("row 1", "r1c1", "r1c2")),
        ([""], ("81",)),
        ([NEWSPAPER, "55" + "." * 79], ("puzzle 2", "row 1")),
        ([NEWSPAPER, "--model", "nobody"], ("nobody", "sudoku")),
        ([NEWSPAPER, "--max-steps", "0"], ("max_steps",)),
        ([NEWSPAPER, "--timeout", "-1"], ("timeout_ms",)),
        (["--file", "/nowhere"], ("/nowhere", "No such file")),
        (["--file", "/"], ("/", "directory")),
        (["--file", TRM.parent / "python"], ("not text",)),
        ([json.dumps(ARC), "--puzzle-id", "nothing"], ("nothing", "14 puzzle ids")),
        ([], ("no puzzle", "--help")),
    ],
)
def test_what_is_wrong_with_the_command_or_a_puzzle_is_one_sentence_and_status_2(arguments: list[object], words: tuple[str, ...]) -> None:
    failed(trm("solve", *arguments), 2, *words)


def test_without_models_or_service_the_status_is_3() -> None:
    failed(trm("solve", NEWSPAPER, "--store", "/nowhere"), 3, "/nowhere")
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        failed(trm("solve", NEWSPAPER, "--server", f"http://127.0.0.1:{nobody.getsockname()[1]}"), 3, "cannot be reached")
    failed(trm("solve", NEWSPAPER, "--server", "localhost"), 3, "address")


def test_a_service_solves_them_as_well_and_says_what_it_refuses(server: Server) -> None:
    before = server.metric("trm_http_requests_total", route="/v1/solve")
    ran = trm("solve", "--server", server.url, stdin=MIXED)
    assert (ran.returncode, ran.stdout.splitlines()[:2]) == (0, [WRITTEN, ANSWER])
    assert server.metric("trm_http_requests_total", route="/v1/solve") == before + 3
    failed(trm("solve", NEWSPAPER, "--server", server.url, "--model", "nobody"), 2, "nobody")
    failed(trm("solve", NEWSPAPER, "--server", server.url, "--max-steps", 100_000), 2, "max_steps")


def test_more_puzzles_than_fit_at_once_come_back_in_order() -> None:
    puzzles = distinct(70, seed=55)
    ran = trm("solve", "--format", "json", stdin="\n".join(puzzles))
    answers = [json.loads(line) for line in ran.stdout.splitlines()]
    assert len(answers) == 70
    for puzzle, answer in zip(puzzles, answers, strict=True):
        assert answer["verified"]
        assert all(given in ("0", found) for given, found in zip(puzzle, answer["solution"], strict=True))


@pytest.mark.parametrize("remote", [False, True], ids=["here", "by a service"])
def test_steps_are_shown_before_the_answer(server: Server, remote: bool) -> None:
    where = ("--server", server.url) if remote else ()
    arguments = ("solve", "--watch", "--halt", "never", "--max-steps", 3, NEWSPAPER, *where)
    *steps, answer = [json.loads(line) for line in trm(*arguments, "--format", "json").stdout.splitlines()]
    assert [step["step"] for step in steps] == [1, 2, 3]
    assert answer["solution"] == steps[-1]["grid"] == ANSWER
    plain = trm(*arguments)
    assert plain.stdout == ANSWER + "\n"
    assert plain.stderr.count("attempt 1, step ") == 3


def test_a_terminal_shows_colours_a_bar_and_how_many_were_solved(tmp_path: Path) -> None:
    status, seen = trm_in_a_terminal("solve", "--file", file_of(tmp_path, MIXED))
    assert status == 0
    for word in ("\033[1;32mo\033[0m", "solving", "100%", "verified, and no path is shorter", "3 of 3 solved"):
        assert word in seen


def test_a_terminal_draws_steps_over_each_other() -> None:
    status, seen = trm_in_a_terminal("solve", "--watch", "--halt", "never", "--max-steps", 3, NEWSPAPER)
    assert status == 0
    assert [f"attempt 1, step {step}: halting probability" in seen for step in (1, 2, 3)] == [True] * 3
    assert seen.count("\033[1A") >= 20
    assert "\033[?25h" in seen  # the cursor is back


def test_whoever_reads_no_further_ends_it_quietly() -> None:
    command = [TRM, "solve", *distinct(40, seed=56)]
    process = subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(120) == 141
