"""`trm train` as a process: while it lives no other trains in its folder, and one that was killed goes on by the same command to the same bits."""

import signal
import subprocess
import sys
import time
from pathlib import Path

from safetensors.numpy import load_file

SETTINGS = ("updates=300", "slots=8", "arch.hidden_size=24", "arch.num_heads=3", "arch.H_cycles=1", "arch.L_cycles=1")


def started(folder: Path, *more: str) -> "subprocess.Popen[str]":
    given = [word for setting in SETTINGS for word in ("--set", setting)]
    how = ("--recipe", "sudoku-4x4", "--generate", "60", "--threads", "1", "--no-compile", *more, *given)
    command = [sys.executable, "-m", "app.cli", "train", str(folder), *how]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(process: "subprocess.Popen[str]") -> tuple[int, str]:
    said = process.communicate(timeout=300)[1]
    return process.returncode, said


def test_processes_that_draw_ahead_end_with_a_run_that_is_killed(tmp_path: Path) -> None:
    killed = started(tmp_path / "run", "--workers", "2")
    while not (tmp_path / "run" / "state.safetensors").exists():
        assert killed.poll() is None, killed.communicate()
        time.sleep(0.005)
    processes = [Path("/proc") / pid for pid in Path(f"/proc/{killed.pid}/task/{killed.pid}/children").read_text().split()]
    assert sum("spawn_main" in (each / "cmdline").read_text() for each in processes) == 2
    killed.kill()
    killed.communicate(timeout=60)  # ends when nobody holds its output open any more
    assert not any(each.exists() and "spawn_main" in (each / "cmdline").read_text() for each in processes)


def test_a_killed_run_goes_on_by_the_same_command_to_the_same_bits_and_is_alone_in_its_folder(tmp_path: Path) -> None:
    whole, killed = started(tmp_path / "whole"), started(tmp_path / "parts")
    while not (tmp_path / "parts" / "state.safetensors").exists():
        assert killed.poll() is None, killed.communicate()
        time.sleep(0.005)
    killed.send_signal(signal.SIGSTOP)  # so that it has not ended before the other has begun
    code, said = ended(started(tmp_path / "parts"))
    assert (code, said) == (1, f"trm: {tmp_path / 'parts'}: another process is training there\n")
    killed.kill()
    assert ended(killed)[0] == -signal.SIGKILL
    code, said = ended(started(tmp_path / "parts"))
    assert code == 0, said
    assert "resumed" in said
    assert ended(whole)[0] == 0
    files = [load_file(tmp_path / name / "state.safetensors") for name in ("whole", "parts")]
    assert files[0].keys() == files[1].keys()
    assert all(files[0][name].tobytes() == files[1][name].tobytes() for name in files[0])
