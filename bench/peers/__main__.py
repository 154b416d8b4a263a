"""The default model behind LitServe, BentoML, Ray Serve and Mosec, beside ours, in one run: rate at saturation, latency at less.

    python -m bench.peers [--quick] [--data sudoku_17_clue.csv.gz] [--only mosec ours] [--step auto] [--workers 2] [--threads 1]

Whole requests are batched by the peers, each in its own way and with the best settings of a sweep; ours runs with its defaults, and once more with the
ONNX step, which is what the peers run. Each peer is installed into `.bench/` by this command. The tables and the plot go to `--out`; the last line is one
JSON document. The load generator shares the cores.
"""

import argparse
import json
import os
import resource
import signal
import sys
from dataclasses import replace
from pathlib import Path

from app.model.store import ModelStore
from app.puzzles.base import Tokens
from app.settings import PROJECT
from app.training.data import read_csv
from bench.peers.measure import Plan, Target, own_pace, serving, tune
from bench.peers.options import MODEL, Options
from bench.peers.processes import Unavailable
from bench.peers.report import Row, plot, table
from bench.peers.targets import OURS, PEERS, SERVERS, Ours
from bench.puzzles import mix

CORES = len(os.sched_getaffinity(0))


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    top.add_argument("--quick", action="store_true", help="loads of a few seconds, to see that all of it runs; its figures mean nothing")
    top.add_argument("--data", type=Path, help="CSV of puzzles of 17 clues, of which the held-out ones are taken; minimal ones of our generator without it")
    top.add_argument("--only", nargs="*", choices=[each.name for each in (*OURS, *PEERS)], help="measure these only")
    top.add_argument("--workers", type=int, default=CORES, help="worker processes of every server")
    top.add_argument("--threads", type=int, default=1, help="threads of each worker")
    top.add_argument("--clients", type=int, default=128, help="clients of the closed loop: two workers' batches of 64")
    top.add_argument("--rows", choices=("shrink", "keep"), default="shrink", help="what the peers' batches do with solved rows: drop them or step them on")
    top.add_argument("--step", choices=("onnx", "auto"), default="onnx", help="what steps the peers' batches: ONNX Runtime, or our step in C where it can")
    top.add_argument("--machine", default=f"cpu-{CORES}-cores", help="what to call this machine in the names of the results")
    top.add_argument("--out", type=Path, help="folder of the results (bench/results; of --quick .bench)")
    return top


def plan(arguments: argparse.Namespace, puzzles: list[Tokens]) -> Plan:
    """How long everything takes: about 20 minutes in all on two cores, or a few with `--quick`."""
    full = Plan(
        puzzles=puzzles,
        manifest=ModelStore(PROJECT / "model_store", (MODEL,)).entries[MODEL].manifest,
        clients=arguments.clients,
        warm_up=3.0,
        seconds=20.0,
        sweep_warm_up=1.0,
        sweep_seconds=5.0,
        patience=10.0,
        batches=(1, 4, 8, 16, 32, 64),
        waits=(2, 5, 10),
    )
    if arguments.quick:
        return replace(full, warm_up=1.0, seconds=4.0, sweep_warm_up=0.5, sweep_seconds=2.0, batches=(4, 32), waits=(5,))
    return full


def say(text: str) -> None:
    """Tell on stderr how far it is."""
    print(text, file=sys.stderr, flush=True)


def measure(target: Target, options: Options, todo: Plan) -> Row:
    """Install, tune and load one server at its own pace; what cannot be done is noted in its row."""
    version = "this one" if isinstance(target, Ours) else (SERVERS / f"{target.name}.txt").read_text().split("\n")[0].split("==")[1]
    row = Row(target.title, version, options)
    try:
        say(f"{target.title}: install")
        target.install()
        if not isinstance(target, Ours):
            say(f"{target.title}: sweep")
            row.tried = tune(target, options, todo)
            row.options = row.tried[0].options
        say(f"{target.title}: saturation, half, four fifths")
        row.own = own_pace(target, row.options, todo)
    except Unavailable as error:
        row.problem = str(error)
        say(f"{target.title}: {row.problem}")
    return row


def equal(target: Target, row: Row, rate: float, todo: Plan) -> None:
    """The load that is the same for all."""
    try:
        say(f"{target.title}: equal load")
        with serving(target, row.options, todo) as server:
            row.equal = server.offer(rate)
    except Unavailable as error:
        row.problem = str(error)


def main() -> None:
    """Measure all, one after the other; print the tables and the JSON line."""
    arguments = parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server under test is ended, too
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)  # an overloaded server holds many connections
    hard = read_csv(arguments.data).split()[1] if arguments.data else None
    todo = plan(arguments, list(mix(600 if arguments.quick else 6000, (30, 25), hard).questions))
    options = Options(port=0, workers=arguments.workers, threads=arguments.threads, batch=0, wait_ms=0, rows=arguments.rows, step=arguments.step)
    targets = [each for each in (*OURS, *PEERS) if arguments.only is None or each.name in arguments.only]
    rows = [measure(target, options, todo) for target in targets]
    peers = [row.own.saturated.puzzles_per_s for target, row in zip(targets, rows, strict=True) if row.own and not isinstance(target, Ours)]
    for target, row in zip(targets, rows, strict=True):
        if peers and row.own:
            equal(target, row, 0.8 * max(peers), todo)
    kind = f"17 clues, the held-out ones of {arguments.data.name}" if arguments.data else "minimal, of our own generator"
    puzzles = f"a third each of 30 and 25 clues and {kind}"
    peers_do = f"the peers' solved rows: {arguments.rows}, their step: {arguments.step}"
    head = f"{arguments.workers} workers of {arguments.threads} threads; puzzles: {puzzles}; {peers_do}."
    text = f"# Peers, {arguments.machine}\n\n{head}\nEqual load: 80 % of the best peer's saturation.\n\n{table(rows)}\n"
    name = f"peers-{arguments.machine}" + ("-keep" if arguments.rows == "keep" else "") + ("-in-c" if arguments.step == "auto" else "")
    out = arguments.out or PROJECT / (".bench" if arguments.quick else "bench/results")
    plot(rows, out / f"{name}.png")
    document = {"bench": "peers", "model": MODEL, "quick": arguments.quick, "head": head, "results": [row.to_json() for row in rows]}
    (out / f"{name}.md").write_text(f"{text}\n![the same as bars]({name}.png)\n\n{json.dumps(document)}\n")
    print(text)
    print(json.dumps(document))


if __name__ == "__main__":
    main()
