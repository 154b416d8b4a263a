"""What the client sends and how it reads what comes, without any IO."""

import json

import pytest

from app.api.schemas import MAZE, NEWSPAPER, JobOptionsIn, OptionsIn
from app.client import Answer, Busy, Invalid, JobOptions, Options, Problem, Puzzle, Refused, Step, Unexpected, Unreachable
from app.client.calls import Decoder, Lines, batch, each, job, job_results, model, models, solve, stream, submit

ANSWER = {
    "id": "7", "model": "nine", "model_version": "1", "type": "sudoku", "status": "solved", "verified": True, "solution": "1", "steps": 2, "attempts": 1,
    "halt_reason": "verified", "halt_probability": 0.5, "cache": "miss", "timing": {"queue_ms": 0, "solve_ms": 1, "total_ms": 1},
}  # fmt: skip
PROBLEM = {"type": "/problems/deadline-exceeded", "title": "too late", "status": 504, "detail": "it waited too long"}
STEP = {"attempt": 1, "step": 1, "grid": "1", "halt_probability": 0.1, "changed": [[0, 1]]}


def lines(*documents: dict[str, object]) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in documents)


def event(name: str, data: dict[str, object]) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()


def decoded(decoder: Decoder[object], content: bytes, size: int = 7) -> list[object]:
    """What a decoder makes of content that arrives in pieces of this size."""
    cutter = Lines(decoder)
    found = [value for start in range(0, len(content), size) for value in cutter.feed(content[start : start + size])]
    cutter.end()
    return found


def test_a_puzzle_is_sent_as_the_contract_wants_it() -> None:
    call = solve(NEWSPAPER, "nine", {"attempts": 3, "timeout_ms": 500})
    assert json.loads(call.request.content or b"") == {
        "puzzle": {"type": "sudoku", "grid": NEWSPAPER},
        "model": "nine",
        "options": {"attempts": 3, "timeout_ms": 500},
    }
    assert (call.request.method, call.request.path, call.request.deadline) == ("POST", "/v1/solve", 0.5)


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (NEWSPAPER, "sudoku"),
        ([[1, 0, 0, 0]] * 4, "sudoku"),
        (MAZE, "maze"),
        (tuple(MAZE), "maze"),
        ([], "sudoku"),
        (Puzzle("arc", [[1]], "b1948b0a"), "arc"),
    ],
)
def test_a_grid_alone_tells_its_family(given, kind) -> None:
    assert Puzzle.of(given).type == kind


def test_without_a_deadline_of_its_own_a_puzzle_has_that_of_the_service() -> None:
    assert solve(NEWSPAPER, None, {}).request.deadline == OptionsIn().timeout_ms / 1000


def test_the_options_are_those_of_the_service() -> None:
    assert Options.__optional_keys__ == set(OptionsIn.model_fields)
    assert JobOptions.__optional_keys__ == set(JobOptionsIn.model_fields)


def test_a_name_cannot_leave_its_place_in_the_address() -> None:
    assert model("../x?y").request.path == "/v1/models/..%2Fx%3Fy"
    assert job("../x").request.path == "/v1/jobs/..%2Fx"


def test_a_job_is_a_puzzle_a_line_under_a_key_that_stays_when_it_is_tried_again() -> None:
    first, second = (submit([NEWSPAPER, MAZE], "nine", None, "continue", {"cache": "bypass"}).request for _ in range(2))
    assert [json.loads(line)["type"] for line in (first.content or b"").splitlines()] == ["sudoku", "maze"]
    assert first.path == "/v1/jobs?model=nine&on_error=continue&cache=bypass"
    assert len({first.headers["idempotency-key"], second.headers["idempotency-key"]}) == 2
    assert submit([], None, "mine", "stop", {}).request.headers["idempotency-key"] == "mine"


def test_a_job_may_have_any_number_of_results_yet() -> None:
    assert decoded(job_results("7", 3).decoder(), b"") == []
    assert len(decoded(job_results("7", 3).decoder(), lines({"index": 9, **ANSWER}))) == 1


def test_an_answer_is_read_into_a_value_that_does_not_change() -> None:
    answer = solve(NEWSPAPER, None, {}).read(json.dumps({**ANSWER, "new": 1}).encode())
    assert (answer.solution, answer.verified, answer.solved, answer.timing.solve_ms) == ("1", True, True, 1)
    with pytest.raises(ValueError, match="frozen"):
        answer.steps = 3


@pytest.mark.parametrize("content", [b"<html>", b"{}", b"[]", b'{"results": 1}', b"\xff"])
def test_what_is_no_answer_is_unexpected(content) -> None:
    for call in (solve(NEWSPAPER, None, {}), batch([NEWSPAPER], None, {}), models(), model("nine")):
        with pytest.raises(Unexpected):
            call.read(content)


def test_a_batch_has_an_answer_or_a_problem_for_each_puzzle() -> None:
    first, second = batch([NEWSPAPER, MAZE], None, {}).read(json.dumps({"results": [ANSWER, PROBLEM]}).encode())
    assert isinstance(first, Answer)
    assert isinstance(second, Problem)


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_results_are_read_however_they_are_cut(size) -> None:
    found = decoded(each([NEWSPAPER, MAZE], None, {}).decoder(), lines({"index": 1, **ANSWER}, {"index": 0, **PROBLEM}), size)
    assert [(index, type(result)) for index, result in found] == [(1, Answer), (0, Problem)]


def test_a_batch_that_breaks_off_is_not_taken_for_whole() -> None:
    with pytest.raises(Unreachable, match="1 results"):
        decoded(each([NEWSPAPER, MAZE], None, {}).decoder(), lines({"index": 1, **ANSWER}))


@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_events_are_read_however_they_are_cut(size, end) -> None:
    content = b": a comment keeps it open\n\n" + event("step", STEP) + event("result", ANSWER)
    found = decoded(stream(NEWSPAPER, None, {}).decoder(), content.replace(b"\n", end.encode()), size)
    assert [type(each) for each in found] == [Step, Answer]
    assert found[0].changed == [[0, 1]]


def test_an_error_event_is_raised_after_the_steps_before_it() -> None:
    cutter = Lines(stream(NEWSPAPER, None, {}).decoder())
    found = cutter.feed(event("step", STEP) + event("error", {**PROBLEM, "status": 503}))
    assert isinstance(next(found), Step)
    with pytest.raises(Busy, match="too long"):
        next(found)


def test_a_stream_that_breaks_off_is_not_taken_for_whole() -> None:
    with pytest.raises(Unreachable):
        decoded(stream(NEWSPAPER, None, {}).decoder(), event("step", STEP))


def test_a_problem_of_a_kind_that_it_does_not_know_is_a_refusal_still() -> None:
    with pytest.raises(Refused) as raised:
        decoded(stream(NEWSPAPER, None, {}).decoder(), event("error", {**PROBLEM, "status": 418}))
    assert not isinstance(raised.value, Invalid | Busy)
