"""What goes wrong before there is a board, and a server that is gone while it thinks."""

import signal
from collections.abc import Awaitable, Callable, Iterator

import pytest
from playwright.async_api import expect

from tests.browser.playground import ANSWER_ONLY, Playground
from tests.e2e.puzzles import IMPOSSIBLE, NEWSPAPER
from tests.e2e.serving import Server

pytestmark = pytest.mark.asyncio(loop_scope="session")
Visit = Callable[..., Awaitable[Playground]]
MODULE = "**/web/js/board.js"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


async def test_a_module_that_did_not_arrive_is_asked_for_once_more(visit: Visit, server: Server) -> None:
    page = await visit()
    await page.page.context.route(MODULE, lambda route: route.abort("connectionreset"), times=1)
    await page.page.goto(f"{server.url}/?again", wait_until="commit")
    await expect(page.cell(0)).to_be_visible()
    assert await page.digits() == NEWSPAPER


async def test_one_that_never_arrives_is_told(visit: Visit) -> None:
    page = await visit()
    await page.page.context.route(MODULE, lambda route: route.abort())
    await page.page.reload()
    await expect(page.alert).to_contain_text("did not arrive")


async def test_a_browser_that_keeps_nothing_has_a_board_too(visit: Visit) -> None:
    page = await visit()
    denied = "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('denied', 'SecurityError'); } })"
    await page.page.context.add_init_script(denied)
    await page.page.reload()
    await expect(page.cell(0)).to_be_visible()
    await page.button("Dark").click()
    await expect(page.button("Dark")).to_have_attribute("aria-pressed", "true")


async def test_a_link_that_is_cut_off_says_so(visit: Visit) -> None:
    page = await visit("/#sudoku=53%E")
    await expect(page.alert).to_contain_text("no puzzle that can be read")


async def test_a_server_that_dies_while_it_thinks_is_told_in_place(visit: Visit, server: Server) -> None:
    page = await visit()
    await page.write(IMPOSSIBLE)
    await page.button("Solve").click()
    await expect(page.page.locator("#caption")).to_contain_text("Attempt")
    server.signal(signal.SIGKILL)
    await expect(page.alert).to_contain_text("broke before its answer")
    await expect(page.button("Solve")).to_be_visible()
    await page.by(ANSWER_ONLY)
    await page.button("Solve").click()
    await expect(page.alert).to_contain_text("cannot be reached")
