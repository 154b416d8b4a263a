"""A server of the peers' benchmark leaves no process behind, however its own children try to stay."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

STUBBORN = """
import os, signal, subprocess, sys, time
for each in (signal.SIGINT, signal.SIGTERM):
    signal.signal(each, signal.SIG_IGN)
print(os.getpid(), flush=True)
time.sleep(600)
"""
SERVER = """
import subprocess, sys, time
orphan = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', sys.argv[1]], start_new_session=True)"
subprocess.Popen([sys.executable, "-c", sys.argv[1]], start_new_session=True)
subprocess.run([sys.executable, "-c", orphan, sys.argv[1]])
time.sleep(600)
"""
"""Has a child and a grandchild whose parent has ended; both are stubborn."""

BENCH = """
import signal, sys, time
from pathlib import Path
from bench.peers.processes import running

signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
log = Path(sys.argv[1])
with running([sys.executable, "-c", *sys.argv[3:]], {}, log) as server:
    while len(log.read_text().split()) < 2:
        time.sleep(0.05)
    print(server.pid, flush=True)
    if sys.argv[2] == "waits":
        time.sleep(600)
    if sys.argv[2] == "fails":
        raise ZeroDivisionError
"""


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize(("how", "sent"), [("ends", None), ("fails", None), ("waits", signal.SIGINT), ("waits", signal.SIGTERM)])
def test_all_descendants_end_with_the_server(tmp_path, how, sent) -> None:
    log, project = tmp_path / "log", Path(__file__).resolve().parents[2]
    bench = subprocess.Popen(
        [sys.executable, "-c", BENCH, log, how, SERVER, STUBBORN],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": str(project)},
        start_new_session=True,
    )
    with bench:
        try:
            server = int(bench.stdout.readline())
            pids = [server, *map(int, log.read_text().split())]
            assert len(pids) == 3
            if sent:
                assert all(map(alive, pids))
                bench.send_signal(sent)
            bench.wait(120)
        finally:
            bench.terminate()
        end = time.monotonic() + 10
        while any(map(alive, pids)):
            assert time.monotonic() < end, "a process was left behind"
            time.sleep(0.05)
