"""What was measured, as Markdown, as a plot and as JSON."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from app.training.evaluate import markdown
from bench.peers.load import Figures
from bench.peers.measure import Own, Tried
from bench.peers.options import Options

LOADS = {"half": "50 % of its own", "most": "80 % of its own", "equal": "equal"}
"""The open-loop loads, by the names of their figures."""


@dataclass(slots=True)
class Row:
    """One server. What is None was not reached, and `problem` says why."""

    title: str
    version: str
    options: Options
    tried: Sequence[Tried] = ()
    own: Own | None = None
    equal: Figures | None = None
    problem: str = ""

    def loads(self) -> dict[str, Figures]:
        """All loads that were run, by name."""
        found = {"saturated": self.own.saturated, "half": self.own.half, "most": self.own.most} if self.own else {}
        return found | ({"equal": self.equal} if self.equal else {})

    def to_json(self) -> dict[str, object]:
        """The row as JSON values."""
        return asdict(self)


def table(rows: Sequence[Row]) -> str:
    """Saturation, then latency under each load, then what was tried; the first row is the one that the others are compared with."""
    return "\n\n".join((_saturation(rows), _latency(rows), *([_sweeps(rows)] if any(row.tried for row in rows) else []), *_problems(rows)))


def _saturation(rows: Sequence[Row]) -> str:
    head, first = ["server", "version", "batch, wait", "puzzles/s", f"{rows[0].title} / it", *SHARES], rows[0].own
    lines: list[list[object]] = []
    for row in rows:
        if row.own is None:
            lines.append([row.title, row.version, "", "not measured", *[""] * 6])
        else:
            ratio = f"{first.saturated.puzzles_per_s / row.own.saturated.puzzles_per_s:.2f}" if first else ""
            lines.append([row.title, row.version, _setting(row.options), f"{row.own.saturated.puzzles_per_s:.1f}", ratio, *_shares(row.own.saturated)])
    return "Saturated (closed loop):\n\n" + markdown(head, lines)


SHARES = ("verified", "failed", "unanswered", "requests/puzzle", "generator, cores")


def _shares(figures: Figures) -> list[object]:
    # rounded down: only when every answer is right does it say 100 %
    verified = f"{int(figures.verified * 10_000) / 100:.2f} %"
    return [verified, figures.failed, figures.unanswered, f"{figures.requests_per_puzzle:.2f}", f"{figures.generator:.2f}"]


def _setting(options: Options) -> str:
    if not options.batch:
        return "none"
    return ", ".join([str(options.batch), f"{options.wait_ms} ms" if options.wait_ms else "learned", *([options.variant] if options.variant else [])])


def _milliseconds(value: float | None) -> str:
    return "never" if value is None else f"{value:.1f}"


def _latency(rows: Sequence[Row]) -> str:
    head = ["load", "server", "offered/s", "answered/s", "p50 ms", "p95 ms", "p99 ms", *SHARES]
    lines: list[list[object]] = []
    for load, title in LOADS.items():
        for row in rows:
            if figures := row.loads().get(load):
                times = [_milliseconds(value) for value in (figures.p50_ms, figures.p95_ms, figures.p99_ms)]
                lines.append([title, row.title, f"{figures.offered_per_s:.1f}", f"{figures.puzzles_per_s:.1f}", *times, *_shares(figures)])
    return "Poisson arrivals, latency from the intended arrival to the verified answer:\n\n" + markdown(head, lines)


def _sweeps(rows: Sequence[Row]) -> str:
    lines = [[row.title, _setting(each.options), each.problem or f"{each.puzzles_per_s:.1f}"] for row in rows for each in row.tried]
    return "What was tried, the best first:\n\n" + markdown(["server", "batch, wait", "puzzles/s"], lines)


def _problems(rows: Sequence[Row]) -> list[str]:
    said = [f"{row.title}: {row.problem}" for row in rows if row.problem]
    wrong = [f"{row.title} ({load}): {f.verified:.4%} verified, not 100 %" for row in rows for load, f in row.loads().items() if f.verified < 1]
    return ["\n".join(f"- {line}" for line in said + wrong)] if said or wrong else []


def plot(rows: Sequence[Row], path: Path) -> None:
    """Rates at saturation, and latency at 80 % of each one's own and at equal load, as a PNG; no bar where that many were never answered."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    measured = [row for row in rows if row.own]
    figure, (rates, *latencies) = plt.subplots(1, 3, figsize=(15, 4.5))
    rates.bar(range(len(measured)), [row.own.saturated.puzzles_per_s for row in measured if row.own])
    rates.set_title("saturated, puzzles/s")
    for axes, load in zip(latencies, ("most", "equal"), strict=True):
        for offset, name in enumerate(("p50_ms", "p95_ms", "p99_ms")):
            heights = [getattr(row.loads().get(load), name, None) or float("nan") for row in measured]
            axes.bar([index + (offset - 1) * 0.27 for index in range(len(measured))], heights, width=0.27, label=name.removesuffix("_ms"))
        axes.set_yscale("log")
        axes.set_title(f"latency in ms, load: {LOADS[load]}")
        axes.legend()
    for axes in (rates, *latencies):
        axes.set_xticks(range(len(measured)), [row.title for row in measured], rotation=20, ha="right")
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)
