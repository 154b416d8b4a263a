"""Sudokus on the page: typed, pasted, picked, carried by a link; solved on the server step by step."""

import re
from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import expect

from tests.browser.playground import ANSWER_ONLY, Playground
from tests.e2e.puzzles import ANSWER, IMPOSSIBLE, NEWSPAPER, easy, symmetric_copy
from tests.e2e.serving import Server

pytestmark = pytest.mark.asyncio(loop_scope="session")
Visit = Callable[..., Awaitable[Playground]]
HARD, HARD_ANSWER = (
    "8..........36......7..9.2...5...7.......457.....1...3...1....68..85...1..9....4..",
    "812753649943682175675491283154237896369845721287169534521974368438526917796318452",
)


async def test_an_easy_sudoku_is_solved_and_verified(visit: Visit, server: Server) -> None:
    page = await visit()
    assert await page.digits() == NEWSPAPER
    await page.solve()
    assert await page.digits() == ANSWER
    told, figures = server.answer(NEWSPAPER, cache="bypass"), await page.figures()
    await expect(page.verdict).to_have_text("Verified")
    assert (figures["Steps"], figures["Attempts"], figures["Halted because"]) == (str(told["steps"]), "1", "right by the rules")
    assert told["model_version"] in figures["Model"]


async def test_a_hard_sudoku_takes_many_attempts_each_of_which_can_be_seen(visit: Visit) -> None:
    page = await visit()
    await page.page.get_by_label("Example").select_option("Arto Inkala's, of 2012")
    assert await page.digits() == HARD
    await page.solve()
    assert await page.digits() == HARD_ANSWER
    figures = await page.figures()
    assert int(figures["Attempts"]) > 10
    await expect(page.slider).to_have_attribute("max", figures["Steps"])
    assert await page.page.locator("#curve .bands rect").count() == int(figures["Attempts"]) // 2


async def test_one_can_scrub_back_and_forth(visit: Visit) -> None:
    page = await visit()
    await page.page.get_by_label("Example").select_option("Seventeen clues")
    question = await page.digits()
    await page.solve()
    steps, answer = int((await page.figures())["Steps"]), await page.digits()
    await page.slider.focus()
    await page.page.keyboard.press("Home")
    assert await page.digits() == question
    seen = []
    for step in range(1, steps + 1):
        await page.page.keyboard.press("ArrowRight")
        await expect(page.page.locator("#caption")).to_contain_text(f"step {step}:")
        seen.append(await page.digits())
        assert await page.cells.and_(page.page.locator(".changed")).count() == sum(
            one != other for one, other in zip([question, *seen][-2], seen[-1], strict=True)
        )
    assert seen[-1] == answer != seen[0]
    await page.page.keyboard.press("ArrowLeft")
    assert await page.digits() == seen[-2]
    await expect(page.page.locator("#result")).to_be_hidden()


async def test_play_shows_the_steps_one_after_the_other_up_to_the_last(visit: Visit) -> None:
    page = await visit(reduced_motion="no-preference")
    await page.solve()
    await page.button("Play").click()
    await page.solved()
    assert await page.digits() == ANSWER


async def test_cells_that_contradict_each_other_turn_red_by_the_servers_word(visit: Visit) -> None:
    page = await visit()
    await page.cell(3).click()
    await page.page.keyboard.press("5")
    await page.button("Solve").click()
    await expect(page.alert).to_contain_text("row 1 has 5 in r1c1 and r1c4")
    assert {0, 3} <= set(await page.wrong())
    await page.cell(3).focus()
    await page.page.keyboard.press("Delete")
    await expect(page.alert).to_be_hidden()
    assert await page.wrong() == []
    await page.solve()
    assert await page.digits() == ANSWER


async def test_the_keyboard_is_enough(visit: Visit) -> None:
    page = await visit()
    await page.draw("Sudoku", 4)
    await page.button("Clear").click()
    question, answer = easy(4)[0]
    await page.cell(0).focus()
    for row in range(4):
        for column in range(4):
            await page.page.keyboard.press(question[row * 4 + column])
            await page.page.keyboard.press("ArrowRight" if column < 3 else "Home")
        await page.page.keyboard.press("ArrowDown")
    assert (await page.digits()).replace(".", "0") == question.replace(".", "0")
    await page.button("Solve").focus()
    await page.page.keyboard.press("Enter")
    await page.solved()
    assert await page.digits() == answer


@pytest.mark.parametrize("side", [4, 6])
async def test_smaller_sizes_are_solved_too(visit: Visit, side: int) -> None:
    page = await visit()
    question, answer = easy(side)[1]
    await page.write(question)
    await page.solve()
    assert await page.digits() == answer


async def test_a_pasted_puzzle_is_read_whatever_lines_are_drawn_around_it(visit: Visit) -> None:
    page = await visit()
    await page.write("5 3 . | . 7 . | . . .\n" + "\n".join(NEWSPAPER[start : start + 9].replace(".", "0") for start in range(9, 81, 9)))
    assert await page.digits() == NEWSPAPER
    await page.write("12")
    await expect(page.page.locator("#text-problem")).to_contain_text("has 2")


async def test_a_link_carries_the_puzzle(visit: Visit) -> None:
    grid = symmetric_copy(NEWSPAPER, seed=3)
    page = await visit(f"/#sudoku={grid}")
    assert await page.digits() == grid.replace("0", ".")
    await page.cell(0).focus()
    await page.page.keyboard.press("Delete")
    changed = await page.digits()
    again = await visit(await page.link())
    assert await again.digits() == changed


async def test_a_link_that_carries_nonsense_says_so(visit: Visit) -> None:
    page = await visit("/#sudoku=hello")
    await expect(page.alert).to_contain_text("no puzzle that can be read")


async def test_an_answer_that_is_remembered_says_so(visit: Visit) -> None:
    page = await visit(f"/#sudoku={symmetric_copy(NEWSPAPER, seed=4)}")
    await page.by(ANSWER_ONLY)
    await page.solve()
    await page.solve()
    await expect(page.sentence).to_contain_text("remembered")
    assert (await page.figures())["Cache"] == "hit"


async def test_stop_gives_the_puzzle_up_on_the_server_too(visit: Visit, server: Server) -> None:
    page = await visit()
    await page.write(IMPOSSIBLE)
    await page.button("Solve").click()
    await expect(page.page.locator("#caption")).to_contain_text("Attempt")
    await page.button("Stop").click()
    await expect(page.status).to_have_text("Stopped.")
    server.until("trm_requests_running", lambda running: running == 0)
    await expect(page.button("Solve")).to_be_visible()


async def test_the_curve_stands_above_the_slider_and_a_touch_shows_the_step(visit: Visit) -> None:
    page = await visit()
    await page.solve()
    assert (await page.figures())["Steps"] == "1"
    await expect(page.page.locator("#curve .line").first).to_have_attribute("d", re.compile(r"^M600\.0 ([\d.]+) L600\.0 \1$"))  # one step is a dot, at its end
    curve = page.page.locator("#curve")
    box = await curve.bounding_box()
    assert box
    await curve.click(position={"x": 3, "y": box["height"] / 2})
    assert await page.digits() == NEWSPAPER
    await curve.click(position={"x": box["width"] - 3, "y": box["height"] / 2})
    assert await page.digits() == ANSWER
