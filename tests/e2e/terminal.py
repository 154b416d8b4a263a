"""`trm` run as from a script, and as in a terminal."""

import os
import pty
import subprocess
from pathlib import Path

from tests.e2e.serving import TRM, environment


def trm(*arguments: object, stdin: str = "", **settings: object) -> subprocess.CompletedProcess[str]:
    """Run to its end with everything piped."""
    command = [TRM, *map(str, arguments)]
    return subprocess.run(command, env=environment(**settings), input=stdin, capture_output=True, text=True, timeout=120, check=False)


def trm_in_a_terminal(*arguments: object, width: int = 100) -> tuple[int, str]:
    """Exit status and all that was written to a terminal of this width, by stdout and stderr."""
    ours, theirs = pty.openpty()
    setting = environment() | {"TERM": "xterm-256color", "COLUMNS": str(width), "LINES": "50"}
    process = subprocess.Popen([TRM, *map(str, arguments)], env=setting, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    seen = b""
    try:
        while chunk := os.read(ours, 65536):
            seen += chunk
    except OSError:  # that is how the other end of a terminal is closed
        pass
    finally:
        os.close(ours)
    return process.wait(120), seen.decode()


def file_of(folder: Path, text: str) -> Path:
    """A file with this text."""
    path = folder / "puzzles.txt"
    path.write_text(text)
    return path
