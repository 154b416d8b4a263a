"""Every field that the contract promises, with its type."""

from typing import Any

from tests.e2e.puzzles import NEWSPAPER
from tests.e2e.serving import Server

NUMBER = (int, float)
FIELDS: dict[str, type | tuple[type, ...]] = {
    "id": str,
    "model": str,
    "model_version": str,
    "type": str,
    "status": str,
    "verified": bool,
    "solution": str,
    "steps": int,
    "attempts": int,
    "halt_reason": str,
    "halt_probability": NUMBER,
    "cache": str,
    "timing": dict,
}
TIMINGS = ("queue_ms", "solve_ms", "total_ms")


def has_all_fields(answer: dict[str, Any]) -> bool:
    return set(answer) == set(FIELDS) and all(isinstance(answer[name], kind) for name, kind in FIELDS.items())


def test_an_answer_has_the_fields_of_the_contract_and_no_others(server: Server) -> None:
    assert has_all_fields(server.answer(NEWSPAPER, cache="bypass"))


def test_so_has_a_cached_one(server: Server) -> None:
    server.answer(NEWSPAPER)
    answer = server.answer(NEWSPAPER)
    assert answer["cache"] == "hit"
    assert has_all_fields(answer)


def test_so_has_an_unsolved_one(server: Server) -> None:
    answer = server.answer("." * 81, cache="bypass", max_steps=1, attempts=1)
    assert has_all_fields(answer)
    assert (answer["status"], answer["verified"], answer["halt_reason"]) == ("unsolved", False, "max_steps")
    assert len(answer["solution"]) == 81


def test_timings_are_milliseconds_that_add_up(server: Server) -> None:
    timing = server.answer(NEWSPAPER, cache="bypass")["timing"]
    assert set(timing) == set(TIMINGS)
    assert min(timing.values()) >= 0
    assert timing["queue_ms"] + timing["solve_ms"] <= timing["total_ms"] + 1


def test_the_halting_probability_is_one(server: Server) -> None:
    assert 0 <= server.answer(NEWSPAPER, cache="bypass")["halt_probability"] <= 1


def test_never_halting_takes_all_steps(server: Server) -> None:
    answer = server.answer(NEWSPAPER, cache="bypass", halt="never", max_steps=5)
    assert (answer["steps"], answer["halt_reason"], answer["attempts"]) == (5, "max_steps", 1)


def test_steps_count_over_all_attempts(server: Server) -> None:
    answer = server.answer("." * 81, cache="bypass", max_steps=1, attempts=3)
    assert (answer["steps"], answer["attempts"]) == (3, 3)


def test_the_answer_of_the_halting_head_is_still_checked(server: Server) -> None:
    answer = server.answer(NEWSPAPER, cache="bypass", halt="learned")
    assert answer["halt_reason"] in ("learned", "max_steps")
    assert answer["verified"] is (answer["status"] == "solved")


def test_the_model_is_the_one_that_is_listed(server: Server) -> None:
    answer = server.answer(NEWSPAPER, cache="bypass")
    listed = server.client.get(f"/v1/models/{answer['model']}").json()
    assert (listed["name"], listed["version"]) == (answer["model"], answer["model_version"])
