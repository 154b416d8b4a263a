"""`trace: true` shows what the model answered after every step."""

from tests.e2e.puzzles import ANSWER, NEWSPAPER, rows
from tests.e2e.serving import Server


def test_a_trace_has_one_line_a_step_and_ends_in_the_solution(server: Server) -> None:
    answer = server.answer(NEWSPAPER, trace=True)
    trace = answer["trace"]
    assert [line["step"] for line in trace] == list(range(1, answer["steps"] + 1))
    assert trace[-1]["grid"] == ANSWER
    assert all(set(line) == {"attempt", "step", "grid", "halt_probability"} for line in trace)


def test_its_grids_have_the_form_of_the_one_that_was_sent(server: Server) -> None:
    assert server.answer(rows(NEWSPAPER), trace=True)["trace"][-1]["grid"] == rows(ANSWER)


def test_it_counts_attempts_and_steps_of_each(server: Server) -> None:
    trace = server.answer("." * 81, trace=True, halt="never", max_steps=2, attempts=2)["trace"]
    assert [(line["attempt"], line["step"]) for line in trace] == [(1, 1), (1, 2), (2, 1), (2, 2)]


def test_a_traced_answer_does_not_come_from_the_cache(server: Server) -> None:
    server.answer(NEWSPAPER)
    assert server.answer(NEWSPAPER, trace=True)["cache"] == "bypass"


def test_without_it_there_is_no_trace(server: Server) -> None:
    assert "trace" not in server.answer(NEWSPAPER)
