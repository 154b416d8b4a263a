"""The playground as its visitor sees it: what stands in the cells, what can be pressed, what is said."""

from playwright.async_api import Locator, Page, expect

EVERY_STEP, ANSWER_ONLY, ON_THIS_DEVICE = "Every step", "Answer only", "On this device"
PATIENCE_MS = 120_000
LETTERS = {"wall": "#", "free": " ", "start": "S", "goal": "G", "path": "o", "odd": "?"}


class Playground:
    """One open page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.board = page.get_by_role("grid")
        self.cells = page.get_by_role("gridcell")
        self.alert = page.get_by_role("alert")
        self.status = page.locator("#status")
        self.slider = page.get_by_role("slider", name="Step")
        self.verdict = page.locator("#verdict")
        self.sentence = page.locator("#sentence")

    def cell(self, index: int) -> Locator:
        return self.cells.nth(index)

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    async def digits(self) -> str:
        """The Sudoku on the board, `.` for an empty cell."""
        return "".join(text or "." for text in await self.cells.all_text_contents())

    async def maze(self) -> str:
        """The maze on the board, in one line."""
        kinds = await self.cells.evaluate_all("cells => cells.map(cell => cell.dataset.kind)")
        return "".join(LETTERS[kind] for kind in kinds)

    async def wrong(self) -> list[int]:
        """Cells that are marked as mistaken."""
        marked = await self.cells.evaluate_all("cells => cells.map(cell => cell.getAttribute('aria-invalid') === 'true')")
        return [index for index, each in enumerate(marked) if each]

    async def write(self, text: str) -> None:
        """Type a puzzle as text."""
        details = self.page.locator("details")
        if await details.get_attribute("open") is None:
            await self.page.get_by_text("As text").click()
        await self.page.get_by_role("textbox").first.fill(text)

    async def by(self, way: str) -> None:
        """Choose how to solve."""
        await self.page.get_by_role("radio", name=way).check(force=True)

    async def draw(self, family: str, side: int) -> None:
        """Choose family and size."""
        await self.page.get_by_role("radio", name=family).check(force=True)
        await self.page.get_by_label("Size").select_option(str(side))

    async def solve(self) -> None:
        """Press Solve, and wait until the result is shown."""
        await self.button("Solve").click()
        await self.solved()

    async def solved(self) -> None:
        await expect(self.page.locator("#result")).to_be_visible(timeout=PATIENCE_MS)

    async def figures(self) -> dict[str, str]:
        """The figures of the result, by name."""
        names, values = [await self.page.locator(f"#figures {tag}").all_text_contents() for tag in ("dt", "dd")]
        return dict(zip(names, values, strict=True))

    async def ready_on_device(self) -> None:
        """Choose to solve on this device, and wait until nothing more is to be loaded."""
        await self.by(ON_THIS_DEVICE)
        await expect(self.page.locator("#device-note")).to_contain_text("Ready", timeout=PATIENCE_MS)

    async def link(self) -> str:
        """The path and fragment that the page offers as a link, to the clipboard's address."""
        await self.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        copy = self.button("Copy a link to this puzzle")
        if not await copy.is_visible():
            await self.page.get_by_text("As text").click()
        await copy.click()
        await expect(self.page.locator("#text-problem")).to_have_text("Copied.")
        address = str(await self.page.evaluate("navigator.clipboard.readText()"))
        await self.page.wait_for_url(address)  # the address bar has it too
        return "/#" + address.partition("#")[2]
