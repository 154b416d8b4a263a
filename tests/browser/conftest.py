"""A real Chromium in front of the real server. A page that throws, breaks its own policy or asks anybody else fails its test."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Error, Page, async_playwright

from tests.browser.playground import Playground
from tests.e2e.serving import Server

CHROMIUM = "/usr/bin/chromium"
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync")
"""What keeps the browser itself from asking for things, and lets it run as root."""
PATIENCE_MS = 120_000


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with Server(backend="onnx") as server:  # as the browser does, so that both take the same steps
        yield server


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def visit(browser: Browser, server: Server) -> AsyncIterator[Callable[..., Awaitable[Playground]]]:
    """Open the playground in a context of its own; keywords are Playwright's, such as `viewport`."""
    wrong: list[str] = []

    def watch(page: Page) -> None:
        page.on("pageerror", lambda error: wrong.append(f"thrown: {error}"))
        page.on("console", lambda message: wrong.append(message.text) if "Content Security Policy" in message.text else None)
        page.on("request", lambda request: None if request.url.startswith((server.url, "blob:")) else wrong.append(f"asked for {request.url}"))

    async with AsyncExitStack() as stack:

        async def open_page(path: str = "/", **options: object) -> Playground:
            context = await browser.new_context(**{"viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce", **options})  # type: ignore[arg-type]
            stack.push_async_callback(context.close)
            context.set_default_timeout(PATIENCE_MS)
            page = await context.new_page()
            watch(page)
            unanswered: dict[str, str | None] = {}
            page.on("request", lambda request: unanswered.update({request.url: None}))
            page.on("requestfailed", lambda request: unanswered.update({request.url: request.failure}))
            page.on("requestfinished", lambda request: unanswered.pop(request.url, None))
            await page.goto(server.url + path, wait_until="commit")  # not more, since the page may load itself once again
            playground = Playground(page)
            try:
                await playground.cell(0).wait_for()
            except Error as error:
                raise AssertionError(f"there is no board; unanswered, or failed with a reason: {unanswered}") from error
            return playground

        yield open_page
    assert not wrong
