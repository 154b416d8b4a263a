"""The puzzle of the README, as a newcomer posts it."""

from tests.e2e.puzzles import ANSWER, NEWSPAPER, rows
from tests.e2e.serving import Server


def test_the_newspapers_sudoku_comes_back_solved_and_verified(server: Server) -> None:
    answer = server.answer(NEWSPAPER, cache="bypass")
    assert (answer["status"], answer["verified"], answer["halt_reason"]) == ("solved", True, "verified")
    assert answer["solution"] == ANSWER


def test_zeros_for_empty_cells_mean_the_same(server: Server) -> None:
    assert server.answer(NEWSPAPER.replace(".", "0"))["solution"] == ANSWER


def test_rows_of_integers_come_back_as_rows_of_integers(server: Server) -> None:
    assert server.answer(rows(NEWSPAPER), cache="bypass")["solution"] == rows(ANSWER)


def test_rows_and_string_of_one_puzzle_share_the_cached_answer_each_in_its_own_form(server: Server) -> None:
    server.answer(NEWSPAPER)
    answer = server.answer(rows(NEWSPAPER))
    assert (answer["cache"], answer["solution"]) == ("hit", rows(ANSWER))


def test_model_and_options_may_be_left_out(server: Server) -> None:
    response = server.client.post("/v1/solve", json={"puzzle": {"type": "sudoku", "grid": NEWSPAPER}})
    assert response.json()["solution"] == ANSWER


def test_a_full_and_right_grid_is_its_own_solution(server: Server) -> None:
    answer = server.answer(ANSWER)
    assert (answer["solution"], answer["verified"]) == (ANSWER, True)
