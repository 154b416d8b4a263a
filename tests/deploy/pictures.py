"""`python -m tests.deploy.pictures FOLDER [--seconds N]`: pictures of the dashboards, of real data.

Runs the stack under mixed traffic, asks Prometheus for every panel's queries as Grafana would, and plots what it returns where the panel stands.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from tests.deploy.live import Prometheus, Stack, Traffic
from tests.deploy.promql import BOARDS, board, filled, panels

UNITS = {"s": "s", "percentunit": "share", "reqps": "requests/s", "bool_yes_no": "0: no, 1: yes", "watt": "W", "joule": "J"}
COLUMN, LINE, HEAD = 0.72, 0.36, 1.2
"""Inches of one unit of Grafana's grid, and how many of its lines the dashboard's title takes."""


def unit(defaults: dict[str, Any]) -> str:
    """How a panel's unit is written."""
    name = str(defaults["unit"])
    return UNITS.get(name, "") if not name.startswith("suffix:") else name.removeprefix("suffix:").strip()


class Painter:
    """Draws dashboards from the last `seconds` of a Prometheus."""

    def __init__(self, prometheus: Prometheus, seconds: float) -> None:
        self.prometheus, self.seconds = prometheus, seconds

    def paint(self, path: Path, target: Path) -> None:
        """One dashboard as a PNG."""
        shown = panels(path)
        height = HEAD + max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in shown)
        figure = plt.figure(figsize=(24 * COLUMN, height * LINE))
        figure.suptitle(board(path)["title"], x=0.01, y=1 - 0.15 / (height * LINE), ha="left", fontweight="bold")
        for row in (panel for panel in board(path)["panels"] if panel["type"] == "row"):
            figure.text(0.01, 1 - (HEAD + row["gridPos"]["y"] + 0.8) / height, row["title"], va="center", fontsize=9, style="italic")
        for panel in shown:
            place = panel["gridPos"]
            left, bottom = (place["x"] + 1.2) / 24, 1 - (HEAD + place["y"] + place["h"] - 1.0) / height
            axes = figure.add_axes((left, bottom, (place["w"] - 1.7) / 24, (place["h"] - 2.4) / height))
            axes.set_title(panel["title"], fontsize=8, loc="left", fontweight="bold")
            axes.tick_params(labelsize=6)
            {"stat": self._number, "heatmap": self._heat, "timeseries": self._lines}[panel["type"]](axes, panel)
        figure.savefig(target, dpi=90)
        plt.close(figure)

    def _series(self, query: dict[str, Any]) -> list[tuple[str, np.ndarray, np.ndarray]]:
        """(legend, seconds ago, values) of each series of a query."""
        now, found = time.time(), []
        for series in self.prometheus.history(filled(query["expr"], "15s"), self.seconds, 2):
            legend = query["legendFormat"]
            for name, value in series["metric"].items():
                legend = legend.replace("{{" + name + "}}", value)
            times, values = np.array(series["values"], dtype=float).T
            found.append((legend, times - now, values))
        return found

    def _number(self, axes: Axes, panel: dict[str, Any]) -> None:
        defaults = panel["fieldConfig"]["defaults"]
        value = float(self._series(panel["targets"][0])[0][2][-1])
        color = [step["color"] for step in defaults["thresholds"]["steps"] if step["value"] is None or value >= step["value"]][-1]
        text = f"{value:.2%}" if defaults["unit"] == "percentunit" else f"{value:.3g} {unit(defaults)}"
        for mapping in defaults.get("mappings", []):
            text = mapping["options"].get(f"{value:g}", {"text": text})["text"]
        axes.text(0.5, 0.45, text, ha="center", va="center", fontsize=15, color=color)
        axes.axis("off")

    def _lines(self, axes: Axes, panel: dict[str, Any]) -> None:
        defaults = panel["fieldConfig"]["defaults"]
        series = [each for query in panel["targets"] for each in self._series(query)]
        crowded = len(series) > 6
        for legend, times, values in series:
            axes.plot(times, values, linewidth=0.9, label=legend if not crowded or np.nansum(values) else None)  # nothing of nothing in a long legend
        for step in defaults.get("thresholds", {}).get("steps", []):
            if step["value"] is not None:
                axes.axhline(step["value"], color=step["color"], linestyle="--", linewidth=0.8)
        axes.set_ylim(bottom=0, top=defaults.get("max"))
        axes.set_ylabel(unit(defaults), fontsize=6)
        if axes.get_legend_handles_labels()[1]:
            axes.legend(fontsize=5, loc="upper left", ncols=2, framealpha=0.6)

    def _heat(self, axes: Axes, panel: dict[str, Any]) -> None:
        """Cumulative buckets become a column of cells for each moment."""
        buckets = sorted(((float(legend), times, values) for legend, times, values in self._series(panel["targets"][0])), key=lambda each: each[0])
        length = min(len(values) for _, _, values in buckets)
        cells = np.diff(np.array([values[-length:] for _, _, values in buckets]), axis=0, prepend=0).clip(min=0)
        used = np.flatnonzero(cells.sum(axis=1))[-1] + 2
        mesh = axes.pcolormesh(buckets[0][1][-length:], np.arange(used), cells[:used], cmap="Oranges", shading="nearest")
        axes.set_yticks(np.arange(used), [f"{bound:g}" for bound, _, _ in buckets[:used]])
        axes.figure.colorbar(mesh, ax=axes, pad=0.01).ax.tick_params(labelsize=5)


def main() -> None:
    """Run, wait, draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the pictures go")
    parser.add_argument("--seconds", type=float, default=240, help="of traffic to show")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    with Stack() as stack, Traffic(stack.server):
        time.sleep(arguments.seconds)
        painter = Painter(stack.prometheus, arguments.seconds)
        for path in BOARDS:
            painter.paint(path, arguments.folder / f"{path.stem}.png")


if __name__ == "__main__":
    main()
