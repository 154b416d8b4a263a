"""What `cache` in a request means, seen in the answer and in the counters."""

from tests.e2e.puzzles import distinct, symmetric_copy
from tests.e2e.serving import Server


def test_the_first_answer_is_a_miss_and_the_next_a_hit(server: Server) -> None:
    (puzzle,) = distinct(1, seed=101)
    first, second = server.answer(puzzle), server.answer(puzzle)
    assert (first["cache"], second["cache"]) == ("miss", "hit")
    assert second["solution"] == first["solution"]
    assert second["steps"] == first["steps"]


def test_a_hit_runs_no_step(server: Server) -> None:
    (puzzle,) = distinct(1, seed=102)
    server.answer(puzzle)
    before = server.metric("trm_step_batch_size_count")
    server.answer(puzzle)
    assert server.metric("trm_step_batch_size_count") == before


def test_bypass_neither_reads_nor_writes(server: Server) -> None:
    (puzzle,) = distinct(1, seed=103)
    assert server.answer(puzzle, cache="bypass")["cache"] == "bypass"
    assert server.answer(puzzle)["cache"] == "miss"
    assert server.answer(puzzle, cache="bypass")["cache"] == "bypass"


def test_refresh_solves_again_and_writes(server: Server) -> None:
    first, second = distinct(2, seed=104)
    server.answer(first)
    assert server.answer(first, cache="refresh")["cache"] == "miss"
    assert server.answer(second, cache="refresh")["cache"] == "miss"
    assert server.answer(second)["cache"] == "hit"


def test_options_that_can_change_the_answer_have_entries_of_their_own(server: Server) -> None:
    (puzzle,) = distinct(1, seed=105)
    for options in ({}, {"halt": "learned"}, {"halt": "never", "max_steps": 3}, {"halt": "never", "max_steps": 4}):
        assert server.answer(puzzle, **options)["cache"] == "miss"
        assert server.answer(puzzle, **options)["cache"] == "hit"


def test_a_verified_answer_serves_whatever_effort_and_whichever_symmetric_copy_is_asked_for(server: Server) -> None:
    (first,) = distinct(1, seed=108)
    second = symmetric_copy(first, seed=0)
    assert server.answer(first)["cache"] == "miss"
    for options in ({"max_steps": 3}, {"attempts": 1}, {"max_steps": 64, "attempts": 64}):
        assert server.answer(first, **options)["cache"] == "hit"
    copied = server.answer(second)
    assert (copied["cache"], copied["verified"]) == ("hit", True)
    assert all(given in (".", "0", found) for given, found in zip(second, copied["solution"], strict=True))


def test_a_timeout_is_no_such_option(server: Server) -> None:
    (puzzle,) = distinct(1, seed=106)
    server.answer(puzzle, timeout_ms=20_000)
    assert server.answer(puzzle, timeout_ms=30_000)["cache"] == "hit"


def test_every_result_is_counted(server: Server) -> None:
    (puzzle,) = distinct(1, seed=107)
    before = {result: server.metric("trm_cache_requests_total", result=result) for result in ("hit", "miss", "bypass")}
    server.answer(puzzle)
    server.answer(puzzle)
    server.answer(puzzle, cache="bypass")
    assert {result: server.metric("trm_cache_requests_total", result=result) for result in before} == {k: v + 1 for k, v in before.items()}
