"""The pictures of the documents, which show the page as it is. With PICTURES set they are written into docs/pictures, else looked at and thrown away."""

import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.browser.playground import Playground
from tests.e2e.serving import PROJECT

pytestmark = pytest.mark.asyncio(loop_scope="session")
Visit = Callable[..., Awaitable[Playground]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return PROJECT / "docs" / "pictures" if os.environ.get("PICTURES") else tmp_path


async def picture(page: Playground, path: Path, **options: object) -> None:
    await page.page.evaluate("document.activeElement.blur()")
    await page.page.wait_for_timeout(1500)  # colours fade
    assert len(await page.page.screenshot(path=path, **options)) > 10_000  # type: ignore[arg-type]


async def test_a_hard_sudoku_in_the_midst_of_it_and_solved(visit: Visit, folder: Path) -> None:
    page = await visit(viewport={"width": 1280, "height": 1000})
    await page.page.get_by_label("Example").select_option("Arto Inkala's, of 2010")
    await page.solve()
    await picture(page, folder / "sudoku.png", full_page=True)
    await page.slider.fill("7")
    await picture(page, folder / "thinking.png")


async def test_a_maze_in_the_dark(visit: Visit, folder: Path) -> None:
    page = await visit(viewport={"width": 1280, "height": 1000}, color_scheme="dark")
    await page.draw("Maze", 25)
    await page.solve()
    await picture(page, folder / "maze.png", full_page=True)


async def test_a_phone(visit: Visit, folder: Path) -> None:
    page = await visit(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, device_scale_factor=2)
    await page.solve()
    await picture(page, folder / "phone.png")
