"""A server that wants API keys: the page asks for one, in place, and keeps to itself what it is told."""

import hashlib
from collections.abc import Awaitable, Callable, Iterator

import pytest
from playwright.async_api import expect

from tests.browser.playground import Playground
from tests.e2e.puzzles import ANSWER
from tests.e2e.serving import Server

pytestmark = pytest.mark.asyncio(loop_scope="session")
Visit = Callable[..., Awaitable[Playground]]
KEY = "a key of somebody"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(api_keys=f"visitor:{hashlib.sha256(KEY.encode()).hexdigest()}") as server:
        yield server


async def test_the_page_asks_for_the_key_and_then_solves_there_and_here(visit: Visit) -> None:
    page = await visit()
    await page.button("Solve").click()
    await page.page.get_by_label("API key").fill(KEY)
    await page.button("Use it").click()
    await page.solved()
    assert await page.digits() == ANSWER
    await page.ready_on_device()
    assert KEY not in await page.page.evaluate("JSON.stringify([localStorage, sessionStorage, location.href])")


async def test_a_wrong_key_is_told_apart(visit: Visit) -> None:
    page = await visit()
    await page.by("On this device")
    await page.page.get_by_label("API key").fill("wrong")
    await page.button("Use it").click()
    await expect(page.alert).to_contain_text("key")
    await expect(page.page.get_by_label("API key")).to_be_visible()
