"""The tables of the peers' benchmark: nothing is called better than it was."""

from dataclasses import replace

from bench.peers.load import Figures
from bench.peers.measure import Own, Tried
from bench.peers.options import Options
from bench.peers.report import Row, plot, table

OPTIONS = Options(port=0, workers=2, threads=1, batch=16, wait_ms=5)
GOOD = Figures(80.0, 79.5, 12.34, 50.0, 99.0, verified=1.0, failed=0, unanswered=0, requests_per_puzzle=1.5, generator=0.03)


def row(title: str, rate: float, figures: Figures = GOOD) -> Row:
    saturated = replace(figures, puzzles_per_s=rate, offered_per_s=None)
    return Row(title, "1.0", OPTIONS, [Tried(OPTIONS, rate)], Own(saturated, figures, figures), figures)


def lines(text: str, start: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(start)]


def test_each_server_has_its_rate_and_is_compared_with_the_first() -> None:
    text = table([row("Ours", 150), row("Theirs", 100)])
    assert "| Ours | 1.0 | 16, 5 ms | 150.0 | 1.00 | 100.00 % | 0 | 0 | 1.50 | 0.03 |" in text
    assert "| Theirs | 1.0 | 16, 5 ms | 100.0 | 1.50 | 100.00 % | 0 | 0 | 1.50 | 0.03 |" in text
    for load in ("50 % of its own", "80 % of its own", "equal"):
        assert len(lines(text, f"| {load} | ")) == 2
    assert "not 100 %" not in text


def test_one_wrong_answer_in_many_is_no_100_percent() -> None:
    text = table([row("Ours", 150), row("Theirs", 100, replace(GOOD, verified=1 - 1e-6))])
    assert "99.99 %" in text
    assert lines(text, "- Theirs (equal): ")


def test_what_was_never_answered_is_said() -> None:
    text = table([row("Ours", 150), row("Theirs", 100, replace(GOOD, p99_ms=None, unanswered=7))])
    assert "| equal | Theirs | 80.0 | 79.5 | 12.3 | 50.0 | never | 100.00 % | 0 | 7 |" in text


def test_a_peer_that_cannot_be_measured_stays_in_the_table(tmp_path) -> None:
    rows = [row("Ours", 150), Row("Theirs", "2.0", OPTIONS, problem="Theirs cannot be installed: no such version")]
    text = table(rows)
    assert "| Theirs | 2.0 |  | not measured |" in text
    assert "- Theirs: Theirs cannot be installed: no such version" in text
    plot(rows, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
