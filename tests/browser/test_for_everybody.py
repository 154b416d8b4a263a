"""For everybody: no serious finding of axe in any state, at phone width, by touch, dark or light, with and without motion."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect

from tests.browser.playground import Playground
from tests.e2e.puzzles import ANSWER, NEWSPAPER
from tests.e2e.serving import Server

pytestmark = pytest.mark.asyncio(loop_scope="session")
Visit = Callable[..., Awaitable[Playground]]
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
SCHEMES = ["light", "dark"]


async def serious(page: Playground) -> list[dict[str, Any]]:
    """What axe finds of serious or critical impact."""
    await page.page.wait_for_timeout(700)  # colours that are still fading in have another contrast
    found = (await Axe().run(page.page)).response["violations"]
    return [{"id": each["id"], "nodes": [node["html"] for node in each["nodes"]][:3]} for each in found if each["impact"] in ("serious", "critical")]


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_axe_finds_nothing_serious_in_a_sudoku_unsolved_refused_and_solved(visit: Visit, scheme: str) -> None:
    page = await visit(color_scheme=scheme)
    await page.page.get_by_text("As text").click()
    assert not await serious(page)
    await page.cell(3).focus()
    await page.page.keyboard.press("5")
    await page.button("Solve").click()
    await expect(page.alert).to_be_visible()
    assert not await serious(page)
    await page.write(NEWSPAPER)
    await page.solve()
    assert not await serious(page)


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_axe_finds_nothing_serious_in_a_maze_on_a_phone(visit: Visit, scheme: str) -> None:
    page = await visit(color_scheme=scheme, **PHONE)
    await page.draw("Maze", 10)
    assert not await serious(page)
    await page.solve()
    assert not await serious(page)


@pytest.mark.parametrize("width", [320, 390])
async def test_at_phone_width_nothing_is_cut_off_and_fingers_are_enough(visit: Visit, width: int) -> None:
    page = await visit(**{**PHONE, "viewport": {"width": width, "height": 740}})
    assert await page.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await page.cell(2).tap()
    await page.button("4").tap()
    assert await page.cell(2).text_content() == "4"
    await page.button("Solve").tap()
    await page.solved()
    assert await page.digits() == ANSWER
    assert await page.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_every_cell_and_every_step_is_said(visit: Visit) -> None:
    page = await visit()
    await expect(page.cell(0)).to_have_accessible_name("row 1 column 1, 5, given")
    await expect(page.cell(2)).to_have_accessible_name("row 1 column 3, empty")
    await page.solve()
    await expect(page.status).to_contain_text("Verified: ")
    await page.slider.focus()
    await page.page.keyboard.press("Home")
    await page.page.keyboard.press("ArrowRight")
    await expect(page.cell(2)).to_have_accessible_name("row 1 column 3, 4, changed in this step")
    assert "step 1" in (await page.slider.get_attribute("aria-valuetext") or "")


async def test_the_theme_button_is_remembered(visit: Visit) -> None:
    page = await visit(color_scheme="light")
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    before = await page.page.evaluate(ground)
    await page.button("Dark").click()
    after = await page.page.evaluate(ground)
    await page.page.reload()
    assert await page.page.evaluate(ground) == after != before


async def test_the_api_pages_are_read_without_any_other_server(visit: Visit, server: Server) -> None:
    page = await visit()
    await page.page.goto(server.url + "/docs")
    await expect(page.page.locator(".opblock").first).to_be_visible()
