"""Equal puzzles in flight share one solve."""

from collections import Counter

from tests.e2e.puzzles import distinct, rows
from tests.e2e.serving import Server, body


async def test_of_many_equal_puzzles_one_is_solved_and_the_others_share_its_answer(server: Server) -> None:
    (puzzle,) = distinct(1, seed=501)
    finished, coalesced = server.metric("trm_requests_finished_total"), server.metric("trm_coalesced_requests_total")
    responses = await server.solve_all([body(puzzle, halt="never", max_steps=40, timeout_ms=60_000)] * 30)
    answers = [response.json() for response in responses]
    assert Counter(answer["cache"] for answer in answers) <= Counter(miss=1, coalesced=29, hit=29)
    assert Counter(answer["cache"] for answer in answers)["miss"] == 1
    assert Counter(answer["cache"] for answer in answers)["coalesced"] > 0
    assert len({answer["solution"] for answer in answers}) == 1
    assert len({answer["id"] for answer in answers}) == 30
    assert server.metric("trm_requests_finished_total") == finished + 1
    assert server.metric("trm_coalesced_requests_total") == coalesced + Counter(answer["cache"] for answer in answers)["coalesced"]


async def test_however_the_grid_is_written(server: Server) -> None:
    (puzzle,) = distinct(1, seed=502)
    options = {"halt": "never", "max_steps": 40, "timeout_ms": 60_000}
    forms = [puzzle, puzzle.replace(".", "0"), rows(puzzle)]
    finished = server.metric("trm_requests_finished_total")
    answers = [response.json() for response in await server.solve_all(body(form, **options) for form in forms)]
    assert server.metric("trm_requests_finished_total") == finished + 1
    assert answers[0]["solution"] == answers[1]["solution"]
    assert answers[2]["solution"] == rows(answers[0]["solution"])


async def test_bypass_shares_nothing(server: Server) -> None:
    (puzzle,) = distinct(1, seed=503)
    finished = server.metric("trm_requests_finished_total")
    responses = await server.solve_all([body(puzzle, cache="bypass")] * 5)
    assert [response.json()["cache"] for response in responses] == ["bypass"] * 5
    assert server.metric("trm_requests_finished_total") == finished + 5


async def test_different_options_share_nothing(server: Server) -> None:
    (puzzle,) = distinct(1, seed=504)
    responses = await server.solve_all(body(puzzle, halt="never", max_steps=steps) for steps in (20, 21, 22))
    assert [response.json()["steps"] for response in responses] == [20, 21, 22]
    assert [response.json()["cache"] for response in responses] == ["miss"] * 3


async def test_one_with_less_time_does_not_cut_the_others_short(server: Server) -> None:
    (puzzle,) = distinct(1, seed=505)
    hasty, patient = (body(puzzle, halt="never", max_steps=200, timeout_ms=timeout) for timeout in (20, 60_000))
    responses = await server.solve_all([hasty, patient, patient])
    assert [response.json()["steps"] for response in responses[1:]] == [200, 200]
    assert responses[0].status_code == 504 or responses[0].json()["halt_reason"] == "deadline"
