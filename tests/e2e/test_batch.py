"""`POST /v1/solve/batch`: every puzzle gets its own answer, in order or as it halts, whatever it is and whatever becomes of the others."""

import json
import os
import signal
import threading
from collections import Counter

import pytest

from tests.e2e.batches import batch_of, lines, post_batch, results
from tests.e2e.endless import FINISHED, RUNNING
from tests.e2e.problems import pointers, post_raw, refused
from tests.e2e.puzzles import ANSWER, IMPOSSIBLE, NEWSPAPER, distinct, easy, rows
from tests.e2e.serving import Server

MAZE = {"type": "maze", "grid": ["S #  ", "# # #", "     ", " ### ", "   #G"]}
ARC = {"type": "arc", "puzzle_id": "b1948b0a", "grid": [[6, 7, 7, 6], [6, 7, 6, 7], [7, 7, 7, 6], [7, 6, 7, 6]]}


def fits(question: str, solution: str) -> bool:
    return all(given in ("0", found) for given, found in zip(question, solution, strict=True))


def test_families_sizes_and_forms_go_together_in_one_batch(server: Server) -> None:
    (four, four_answer), (six, six_answer) = easy(4)[0], easy(6)[0]
    found = results(server, [NEWSPAPER, MAZE, four, ARC, rows(NEWSPAPER), six])
    assert [each["type"] for each in found] == ["sudoku", "maze", "sudoku", "arc", "sudoku", "sudoku"]
    assert [found[index]["solution"] for index in (0, 2, 4, 5)] == [ANSWER, four_answer, rows(ANSWER), six_answer]
    assert (found[1]["optimal"], found[1]["solution"][0]) == (True, "So#  ")
    assert (found[3]["verified"], len(found[3]["solution"])) == (None, 4)


def test_a_thousand_puzzles_are_answered_in_order(server: Server) -> None:
    puzzles = distinct(1000, seed=901)
    found = results(server, puzzles, timeout_ms=600_000)
    assert len(found) == 1000
    assert all(each["verified"] for each in found)
    assert all(fits(puzzle, each["solution"]) for puzzle, each in zip(puzzles, found, strict=True))


def test_one_more_is_refused_and_nothing_of_it_started(server: Server) -> None:
    before = server.metric(FINISHED)
    assert pointers(refused(post_batch(server, [NEWSPAPER] * 1001, cache="bypass"), 422, "1000", "1001")) == ["/puzzles"]
    assert (server.metric(FINISHED), server.metric(RUNNING)) == (before, 0)


def test_a_bad_puzzle_refuses_the_batch_and_is_pointed_to(server: Server) -> None:
    before, puzzles = server.metric(FINISHED), distinct(30, seed=902)
    puzzles[17] = "55" + "." * 79
    problem = refused(post_batch(server, puzzles, cache="bypass"), 422, "row 1 has 5")
    assert problem["type"] == "/problems/invalid-puzzle"
    assert set(pointers(problem)) == {"/puzzles/17/grid"}
    server.until(RUNNING, lambda value: value == 0)
    assert before <= server.metric(FINISHED) <= before + 17, "those before it may have been begun, none after it"


def test_a_large_batch_may_have_a_large_body_and_a_single_puzzle_not(server: Server) -> None:
    content = json.dumps(batch_of([NEWSPAPER])).encode()
    assert post_raw(server, content + b" " * (2 << 20), "/v1/solve/batch").status_code == 200
    refused(post_raw(server, content + b" " * (16 << 20), "/v1/solve/batch"), 413, str(16 << 20))
    refused(post_raw(server, content + b" " * (2 << 20), "/v1/solve/stream"), 413, str(1 << 20))


def test_lines_come_one_by_one_while_others_run(server: Server) -> None:
    with lines(server, [IMPOSSIBLE, *distinct(5, seed=904)], cache="bypass", attempts=64, max_steps=256, timeout_ms=600_000) as slow:
        assert {next(slow)["index"] for _ in range(5)} == {1, 2, 3, 4, 5}
        assert server.metric(RUNNING) == 1, "the first puzzle runs on"
    server.until(RUNNING, lambda value: value == 0)


def test_equal_puzzles_of_a_batch_are_solved_once(server: Server) -> None:
    (puzzle,), before = distinct(1, seed=905), server.metric(FINISHED)
    found = results(server, [puzzle, puzzle.replace("0", "."), rows(puzzle)] * 100)
    assert server.metric(FINISHED) == before + 1
    assert Counter(each["cache"] == "miss" for each in found) == Counter({False: 299, True: 1})
    assert {type(each["solution"]) for each in found} == {str, list}


def test_its_answers_are_in_the_cache_for_single_puzzles(server: Server) -> None:
    (puzzle,) = distinct(1, seed=906)
    results(server, [puzzle])
    assert server.answer(puzzle)["cache"] == "hit"


def test_requests_and_their_route_are_counted(server: Server) -> None:
    labels = {"route": "/v1/solve/batch", "method": "POST", "code": "200"}
    results(server, [NEWSPAPER])
    before = server.metric("trm_http_requests_total", **labels)
    results(server, [NEWSPAPER])
    assert server.metric("trm_http_requests_total", **labels) == before + 1
    assert server.metric("trm_batch_puzzles") == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_a_batch_survives_the_death_of_a_worker(workers: int) -> None:
    with Server(workers=workers) as server:
        found: list[dict[str, object]] = []
        solving = threading.Thread(
            target=lambda: found.extend(results(server, distinct(60, seed=907), cache="bypass", halt="never", max_steps=10, timeout_ms=300_000))
        )
        solving.start()
        server.until(FINISHED, lambda value: value >= 10)
        os.kill(server.workers()[0], signal.SIGKILL)
        solving.join()
        assert [each.get("steps") for each in found] == [10] * 60
        server.until("trm_worker_up", lambda value: value == workers)
