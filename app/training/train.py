"""The training loop: ACT slots, AdamW, EMA; one folder a run, resumed by the same command.

The schedule is warm-up, constant, cool-down to zero. The state before the cool-down is kept as `stable.safetensors`, so a run can
be prolonged later without ever restarting a cooled checkpoint at full rate (which destroys it). Knows no grids' syntax, no serving.
"""

import copy
import csv
import json
import logging
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from tqdm import tqdm

from app.model.config import TRMConfig
from app.model.trm import TRM
from app.training import state
from app.training.act import Slots, losses
from app.training.data import Sampler

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a model is trained: `cooldown` is the share of the updates in which the rate falls to zero, `data` names what it saw.

    `reveal` is the most further cells shown of a puzzle; `guess` and `guess_right` are those of `Slots.guess`.
    """

    updates: int
    slots: int = 96
    lr: float = 2e-3
    warmup: int = 200
    cooldown: float = 0.3
    weight_decay: float = 0.1
    clip: float = 1.0
    ema: float = 0.998
    q_weight: float = 0.1
    reveal: int = 14
    guess: float = 0.5
    guess_right: float = 0.5
    seed: int = 1
    data: tuple[str, ...] = ()

    @property
    def cooldown_start(self) -> int:
        """The first update of the cool-down."""
        return round(self.updates * (1 - self.cooldown))

    def rate(self, update: int) -> float:
        """Learning rate at an update, counted from 0: linear up, flat, then 1 - sqrt down."""
        if update >= self.cooldown_start:
            done = (update - self.cooldown_start) / max(1, self.updates - self.cooldown_start)
            return self.lr * (1 - math.sqrt(done))
        return self.lr * min(1.0, (update + 1) / max(1, self.warmup))


@torch.no_grad()
def update_ema(ema: TRM, model: TRM, decay: float) -> None:
    """Move the averaged weights towards the model's."""
    torch._foreach_lerp_(list(ema.parameters()), list(model.parameters()), 1 - decay)


class Run:
    """One training run in one folder."""

    def __init__(self, folder: Path, config: TRMConfig, recipe: Recipe, sampler: Sampler, generators: state.Generators, compiled: bool) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(recipe.seed)
        torch.set_flush_denormal(True)  # peaked softmaxes are full of them, and they are slow
        self.folder, self.recipe, self.sampler, self.generators = folder, recipe, sampler, generators
        self.model = TRM(config)
        self.ema = copy.deepcopy(self.model)
        decayed = [p for p in self.model.parameters() if p.ndim > 1]
        others = [p for p in self.model.parameters() if p.ndim <= 1]
        groups = [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": others, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, lr=recipe.lr, betas=(0.9, 0.95))
        self.path = folder / "state.safetensors"
        if self.path.exists():
            self.slots, self.update = state.load(self.path, self.model, self.ema, self.optimizer, generators)
            log.info("resumed %s at update %d", folder, self.update)
        else:
            self.slots, self.update = Slots.start(self.model, recipe.slots, sampler), 0
        if compiled:
            self.model.L_level.compile()
        (folder / "recipe.json").write_text(json.dumps({"arch": config.to_json(), "recipe": asdict(recipe)}, indent=2) + "\n")

    def step(self) -> dict[str, float]:
        """One update; returns its figures."""
        filled = self.slots.refill(self.model, self.sampler)
        carry, output = self.model(self.slots.carry, self.slots.questions)
        contradictory = self.slots.contradictory
        loss, solved = losses(output, self.slots.answers, contradictory, self.recipe.q_weight)
        loss.backward()  # type: ignore[no-untyped-call]  # torch has no annotation there
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip)
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.rate(self.update)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        update_ema(self.ema, self.model, min(self.recipe.ema, (1 + self.update) / (10 + self.update)))
        self.slots.advance(self.model, carry, output.q_halt.detach(), self.generators.torch)
        self.slots.guess(self.sampler.rules, output.logits.argmax(-1), self.recipe.guess, self.recipe.guess_right, self.generators.torch)
        self.update += 1
        halted = self.slots.halted
        done = max(1, int(halted.sum()))
        return {
            "loss": loss.item(),
            "puzzles": filled,
            "solved": float((solved & halted).sum()) / done,
            "halting_steps": float(self.slots.steps[halted].sum()) / done,
            "contradictory": float(contradictory.float().mean()),
            "told": float(((output.q_continue > 0) == contradictory).float().mean()),
        }

    def save(self, path: Path) -> None:
        """Write the whole state of the run."""
        state.save(path, self.model, self.ema, self.optimizer, self.slots, self.generators, self.update)

    def train(self, every: int = 50) -> None:
        """Go on to the recipe's last update; the state is saved and a line of `curve.csv` written every `every` updates."""
        started, window = time.monotonic(), []
        with tqdm(total=self.recipe.updates, initial=self.update, unit="update", mininterval=5) as bar:
            while self.update < self.recipe.updates:
                if self.update == self.recipe.cooldown_start:
                    self.save(self.folder / "stable.safetensors")
                window.append(self.step())
                bar.update()
                if self.update % every == 0 or self.update == self.recipe.updates:
                    figures = {name: sum(f[name] for f in window) / len(window) for name in window[0]}
                    seconds = time.monotonic() - started
                    figures["puzzles_per_s"] = figures.pop("puzzles") * len(window) / seconds
                    self._log({"update": self.update, "rate": self.recipe.rate(self.update), **figures, "seconds": seconds})
                    bar.set_postfix({k: f"{v:.3g}" for k, v in figures.items()})
                    self.save(self.path)
                    started, window = time.monotonic(), []

    def _log(self, row: dict[str, float]) -> None:
        path = self.folder / "curve.csv"
        new = not path.exists()
        with path.open("a", newline="") as file:
            writer = csv.DictWriter(file, list(row))
            if new:
                writer.writeheader()
            writer.writerow({k: round(v, 6) for k, v in row.items()})
