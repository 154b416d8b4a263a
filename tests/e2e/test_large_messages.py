"""What crosses the pipe to a worker may be large, or many at once: nothing is lost, and nobody is taken for dead."""

from tests.e2e.puzzles import IMPOSSIBLE, distinct
from tests.e2e.serving import Server, body


async def test_traces_of_thousands_of_steps_that_end_together_come_back_whole() -> None:
    with Server(workers=1, slots=8) as server:
        asked = [body(IMPOSSIBLE, trace=True, halt="never", max_steps=256, attempts=2, timeout_ms=120_000)] * 8
        traces = [response.json()["trace"] for response in await server.solve_all(asked)]
        assert [len(trace) for trace in traces] == [512] * 8
        assert server.metric("trm_worker_restarts_total") == 0


async def test_hundreds_of_puzzles_sent_during_one_step_are_all_answered() -> None:
    puzzles = distinct(500, seed=7)
    with Server(workers=1, slots=512) as server:
        responses = await server.solve_all(body(puzzle, cache="bypass", halt="never", max_steps=3, timeout_ms=120_000) for puzzle in puzzles)
        assert [response.status_code for response in responses] == [200] * len(puzzles)
        assert server.metric("trm_worker_restarts_total") == 0
