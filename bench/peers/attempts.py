"""One attempt at each puzzle of a batch: the step in a loop until every answer obeys the rules or its steps are used up.

What every peer serves. The step is one of our own runners (the ONNX graph, unless asked otherwise), the rules are the project's. Knows no server.
"""

import math
from collections.abc import Sequence

import numpy as np

from app.engine.runner import Judged
from app.model.store import ModelStore
from app.pool.messages import WorkerSpec
from app.pool.worker import make_runner
from app.puzzles.sudoku import rules
from app.settings import PROJECT
from bench.peers.grids import Answer, Asked, text, tokens
from bench.peers.options import MODEL, Options


class Solver:
    """Callable on a batch of what was asked; the answers in the same order."""

    def __init__(self, options: Options) -> None:
        entry = ModelStore(PROJECT / "model_store", (MODEL,)).entries[MODEL]
        guesses = entry.manifest.guesses
        assert guesses is not None
        spec = WorkerSpec(store=PROJECT / "model_store", models=(MODEL,), backend=options.step, slots=options.batch, threads=options.threads)
        self.runner, self.rules = make_runner(entry, spec), rules(9)
        self.shrinks, self.steps = options.rows == "shrink", {False: entry.manifest.defaults.max_steps, True: guesses.steps}
        self.doubt = math.log(guesses.doubt / (1 - guesses.doubt))

    def __call__(self, asked: Sequence[Asked]) -> list[Answer]:
        """Run until all are done."""
        questions, answers = np.array([tokens(each["grid"]) for each in asked]), dict[int, Answer]()
        for slot, question in enumerate(questions):
            self.runner.load(slot, question)
        running, step = list(range(len(asked))), 0
        while len(answers) < len(asked):
            step += 1
            cells, logits = self.runner.step(len(running))
            if isinstance(cells, Judged):  # the step in C does
                solved, cells = cells.violations == 0, cells.fetch(list(range(len(running))))
            else:
                solved = self.rules.violations(questions[running], cells) == 0
            for slot in reversed(range(len(running))):
                index, guessed = running[slot], asked[running[slot]]["guessed"]
                done = solved[slot] or step >= self.steps[guessed] or (guessed and logits[slot, 1] > self.doubt)
                if done and index not in answers:
                    answers[index] = {"grid": text(cells[slot]), "verified": bool(solved[slot])}
                    if self.shrinks:
                        self._leave(running, slot)
        return [answers[index] for index in range(len(asked))]

    def _leave(self, running: list[int], slot: int) -> None:
        """Take a slot out, and fill the gap from the last one."""
        last = running.pop()
        if slot < len(running):
            running[slot] = last
            self.runner.swap(len(running), slot)
