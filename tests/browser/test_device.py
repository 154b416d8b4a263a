"""On this device: the same model in the browser, with the network cut, gives the server's answers."""

from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import expect

from tests.browser.playground import Playground
from tests.e2e.puzzles import NEWSPAPER, easy
from tests.e2e.serving import Server
from tests.support.mazes import SQUARE, WIDE

pytestmark = pytest.mark.asyncio(loop_scope="session")
Visit = Callable[..., Awaitable[Playground]]
SUDOKUS = {"9x9": NEWSPAPER, "6x6": easy(6)[0][0], "4x4": easy(4)[0][0]}
MAZES = {"5x5": SQUARE, "5x7": WIDE}
SEVERAL_ATTEMPTS = "..53.....8......2..7..1.5..4....53...1..7...6..32...8..6.5....9..4....3......97.."


async def test_without_a_network_it_gives_the_servers_answers(visit: Visit, server: Server) -> None:
    page = await visit()
    await page.ready_on_device()
    asked: list[str] = []
    page.page.on("request", lambda request: None if request.url.endswith("/icon.svg") else asked.append(request.url))  # the browser's own wish, for its tab
    await page.page.context.set_offline(True)
    for grid in SUDOKUS.values():
        await page.write(grid)
        await page.solve()
        told, figures = server.answer(grid, cache="bypass"), await page.figures()
        assert (await page.digits(), figures["Steps"], figures["Attempts"]) == (told["solution"], str(told["steps"]), str(told["attempts"]))
        assert figures["Halting probability"] == f"{told['halt_probability'] * 100:.1f} %"
    for maze in MAZES.values():
        await page.write("\n".join(maze))
        await page.solve()
        told = server.client.post("/v1/solve", json={"puzzle": {"type": "maze", "grid": maze}}).json()
        assert (await page.maze(), (await page.figures())["Steps"]) == ("".join(told["solution"]), str(told["steps"]))
    assert not asked


async def test_a_puzzle_of_several_attempts_is_solved_by_guessing_on_copies(visit: Visit, server: Server) -> None:
    page = await visit()
    await page.ready_on_device()
    await page.write(SEVERAL_ATTEMPTS)
    await page.page.context.set_offline(True)
    await page.solve()
    await expect(page.verdict).to_have_text("Verified")
    assert await page.digits() == server.answer(SEVERAL_ATTEMPTS)["solution"]
    assert int((await page.figures())["Attempts"]) > 1


async def test_it_too_marks_cells_that_contradict_each_other(visit: Visit) -> None:
    page = await visit()
    await page.ready_on_device()
    await page.page.context.set_offline(True)
    await page.write("11..............")
    await page.button("Solve").click()
    await expect(page.alert).to_contain_text("row 1 has 1 in r1c1 and r1c2; box 1 has 1 in r1c1 and r1c2")
    assert await page.wrong() == [0, 1]


async def test_it_can_be_stopped_and_used_again(visit: Visit) -> None:
    page = await visit()
    await page.ready_on_device()
    await page.write("12345678........9" + "." * 64)
    await page.button("Solve").click()
    await expect(page.page.locator("#caption")).to_contain_text("Attempt")
    await page.button("Stop").click()
    await page.write(easy(4)[0][0])
    await page.solve()
    assert await page.digits() == easy(4)[0][1]


async def test_a_server_without_the_runtime_says_what_to_do(visit: Visit) -> None:
    page = await visit()
    await page.page.context.route("**/web/runtime/*", lambda route: route.fulfill(status=404))
    await page.by("On this device")
    await expect(page.alert).to_contain_text("app/web/fetch_runtime")


async def test_with_the_network_cut_the_server_is_missed_in_place(visit: Visit) -> None:
    page = await visit()
    await page.page.context.set_offline(True)
    await page.button("Solve").click()
    await expect(page.alert).to_contain_text("cannot be reached")
