"""`trm` run as in a terminal."""

import subprocess

from tests.e2e.serving import TRM, environment


def trm(*arguments: object, **settings: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([TRM, *map(str, arguments)], env=environment(**settings), capture_output=True, text=True, timeout=120, check=False)
