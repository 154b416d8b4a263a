"""Mazes on the page: drawn with the pointer and the keyboard, solved on the server."""

from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import expect

from tests.browser.playground import Playground
from tests.support.mazes import SQUARE, WIDE, WIDE_ANSWER, is_right

pytestmark = pytest.mark.asyncio(loop_scope="session")
Visit = Callable[..., Awaitable[Playground]]


def rows(text: str, width: int) -> list[str]:
    return [text[start : start + width] for start in range(0, len(text), width)]


async def test_a_maze_is_drawn_and_solved(visit: Visit) -> None:
    page = await visit()
    await page.draw("Maze", 5)
    await page.button("Clear").click()
    for index, symbol in enumerate("".join(SQUARE)):
        if symbol == "#":
            await page.cell(index).click()
    assert await page.maze() == "".join(SQUARE)
    await page.solve()
    assert is_right(SQUARE, rows(await page.maze(), 5))
    await expect(page.sentence).to_contain_text("A shortest way")


async def test_a_stroke_draws_a_wall_and_a_brush_moves_the_start(visit: Visit) -> None:
    page = await visit()
    await page.draw("Maze", 5)
    await page.button("Clear").click()
    mouse, first, last = page.page.mouse, await page.cell(10).bounding_box(), await page.cell(13).bounding_box()
    assert first
    assert last
    await mouse.move(first["x"] + 5, first["y"] + 5)
    await mouse.down()
    await mouse.move(last["x"] + 5, last["y"] + 5, steps=12)
    await mouse.up()
    assert (await page.maze())[10:15] == "#### "
    await page.page.get_by_role("radio", name="Start").check(force=True)
    await page.cell(20).click()
    assert (await page.maze()).index("S") == 20
    await page.cell(0).focus()
    await page.page.keyboard.press("#")
    assert (await page.maze())[0] == "#"


async def test_a_maze_without_a_way_is_refused_in_place_and_marked(visit: Visit) -> None:
    page = await visit()
    await page.write("\n".join(["S#  G", "##   ", "     ", "     ", "     "]))
    await page.button("Solve").click()
    await expect(page.alert).to_contain_text("no path joins S in r1c1 and G in r1c5")
    assert await page.wrong() == [0, 4]


async def test_a_link_carries_a_maze_that_is_no_square(visit: Visit) -> None:
    page = await visit()
    await page.write("\n".join(WIDE))
    again = await visit(await page.link())
    assert await again.maze() == "".join(WIDE)
    await again.solve()
    assert await again.maze() == "".join(WIDE_ANSWER)


@pytest.mark.parametrize("example", ["Corridors", "With rooms"])
async def test_the_examples_are_solved(visit: Visit, example: str) -> None:
    page = await visit()
    await page.draw("Maze", 10)
    await page.page.get_by_label("Example").select_option(example)
    question = rows(await page.maze(), 10)
    await page.solve()
    await expect(page.verdict).to_have_text("Verified")
    assert is_right(question, rows(await page.maze(), 10))


async def test_another_maze_of_the_same_kind_can_be_had(visit: Visit) -> None:
    page = await visit()
    await page.draw("Maze", 10)
    example = page.page.get_by_label("Example")
    await example.select_option("With rooms")
    before = await page.maze()
    await page.button("Another").click()
    assert await page.maze() != before
    await expect(example).to_have_value("With rooms")
    await page.cell(55).click()
    await expect(example).to_have_value("")
