"""How long solvers under test remember answers."""

from app.answers import Keep

KEEP = Keep(solved=1000, unsolved=100)
