"""The training loop: ACT slots, one or two optimisers, averaged weights; one folder a run, resumed by the same command.

The state before a flat schedule's cool-down is kept as `stable.safetensors`, so a run can be prolonged later without restarting a cooled
checkpoint at full rate (which sets it back). Knows no grids' syntax, no serving. One device: several GPUs are left out on purpose.
"""

import copy
import csv
import json
import logging
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from app.errors import InvalidRequest
from app.model.trm import TRM
from app.training import state
from app.training.act import Slots, losses
from app.training.data import Source
from app.training.recipes import Recipe
from app.training.teacher import Teacher, imitation

log = logging.getLogger(__name__)

KEPT = ("seed", "slots", "optimizer")
"""Fields of the recipe that a run's state was made with, so that it goes on with no others."""


@torch.no_grad()
def update_ema(ema: TRM, model: TRM, decay: float) -> None:
    """Move the averaged weights towards the model's."""
    torch._foreach_lerp_(list(ema.parameters()), list(model.parameters()), 1 - decay)


class SignSGD(torch.optim.Optimizer):
    """A step of `lr` against the sign of each gradient, as the reference trains puzzle embeddings; rows without a gradient stay as they are.

    A row is touched seldom, by a gradient that the mean over the batch makes small: neither its size nor a history of it says much.
    """

    def __init__(self, params: Sequence[Tensor], lr: float, weight_decay: float) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: object = None) -> None:  # type: ignore[override]  # noqa: ARG002  # no closure is ever given
        """One update."""
        for group in self.param_groups:
            for table in (p for p in group["params"] if p.grad is not None):
                touched = (table.grad != 0).any(1, keepdim=True)
                table.sub_(group["lr"] * (table.grad.sign() + group["weight_decay"] * table * touched))


def optimizers(model: TRM, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """AdamW; before it Muon for the blocks' matrices if the recipe says so, after it `SignSGD` where puzzles have embeddings of their own.

    Each group keeps its full rate as `full_lr`.
    """
    matrices = [p for p in model.L_level.parameters() if p.ndim == 2] if recipe.optimizer == "muon" else []
    tables = [model.puzzle_emb.weights] if model.config.named else []
    taken = {id(p) for p in matrices + tables}
    rest = [p for p in model.parameters() if id(p) not in taken]
    groups = [
        {"params": [p for p in rest if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in rest if p.ndim <= 1], "weight_decay": 0.0},
    ]
    made: list[torch.optim.Optimizer] = [torch.optim.AdamW(groups, lr=recipe.lr, betas=(0.9, 0.95))]
    if matrices:
        made.insert(0, torch.optim.Muon(matrices, lr=recipe.muon_lr, weight_decay=recipe.muon_weight_decay))
    if tables:
        made.append(SignSGD(tables, recipe.puzzle_lr, recipe.puzzle_weight_decay))
    for group in (group for each in made for group in each.param_groups):
        group["full_lr"] = group["lr"]
    return made


class Run:
    """One training run in one folder."""

    def __init__(
        self,
        folder: Path,
        recipe: Recipe,
        source: Source,
        *,
        weights: dict[str, Tensor] | None = None,
        teacher: Teacher | None = None,
        device: str = "cpu",
        bf16: bool = False,
    ) -> None:
        """Resume what is in `folder`, or begin there: with `weights`, if given, else with random ones. `bf16`: matrix products in bfloat16."""
        folder.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(recipe.seed)
        torch.set_flush_denormal(True)  # peaked softmaxes are full of them, and they are slow
        self.folder, self.recipe, self.source, self.device = folder, recipe, source, torch.device(device)
        self.teacher, self.bf16 = teacher, bf16
        self.generators = state.Generators(recipe.seed, source.rng)
        self.model = TRM(recipe.arch).to(self.device)
        if weights is not None:
            self.model.load_state_dict(weights)
        self.ema = copy.deepcopy(self.model)
        self.optimizers = optimizers(self.model, recipe)
        self.path = folder / "state.safetensors"
        if self.path.exists():
            self._check_kept()
            self.slots, self.update = state.load(self.path, self.model, self.ema, self.optimizers, teacher, self.generators)
            self.slots = self.slots.to(self.device)
            log.info("resumed %s at update %d", folder, self.update)
        else:
            self.slots, self.update = Slots.start(self.model, recipe.slots, source), 0
        if teacher is not None:
            teacher.to(self.device)
        self._cut_curve()
        state.replace_text(folder / "recipe.json", json.dumps(recipe.to_json(), indent=2) + "\n")

    def _check_kept(self) -> None:
        """Raise `InvalidRequest` for a recipe that the state cannot go on with; another architecture is told by the weights."""
        path = self.folder / "recipe.json"
        before = json.loads(path.read_text()) if path.exists() else {}
        if other := [f"{name} {before[name]}" for name in KEPT if name in before and before[name] != getattr(self.recipe, name)]:
            raise InvalidRequest(f"{self.folder} was begun with {', '.join(other)}; a run keeps what it was begun with")

    def _cut_curve(self) -> None:
        """Leave out what the curve tells of updates after the state that is gone on with: whoever was killed between the two takes them again."""
        path = self.folder / "curve.csv"
        if path.exists():
            with path.open(newline="") as file:
                head, *rows = [line for line in file if line.endswith("\n")] or [""]
            kept = [line for line in rows if int(line.partition(",")[0]) <= self.update]
            state.replace_text(path, head + "".join(kept)) if kept else path.unlink()

    def compile(self) -> None:
        """Have torch compile the recursion: half as fast again on a CPU, after a minute of compiling."""
        for model in (self.model, *([self.teacher.model] if self.teacher else [])):
            model.L_level.compile()

    def step(self) -> dict[str, float]:
        """One update; returns its figures."""
        recipe, slots, rules = self.recipe, self.slots, self.source.rules
        filled = slots.refill(self.model, self.source)
        if self.teacher is not None:
            self.teacher.refill(slots.halted)
        contradictory = slots.contradictory(rules)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            carry, output = self.model(slots.carry, slots.questions, slots.puzzle_ids)
            taught = None if self.teacher is None else self.teacher.step(slots.questions, slots.puzzle_ids)
        imitated = None if taught is None else imitation(output.logits, taught, recipe.temperature)
        loss, solved = losses(output, slots.answers, contradictory, recipe.q_weight, recipe.label_smoothing, imitated, recipe.distill)
        loss.backward()  # type: ignore[no-untyped-call]  # torch has no annotation there
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), recipe.clip)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["full_lr"] * recipe.factor(self.update)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        update_ema(self.ema, self.model, recipe.averaging(self.update))
        slots.advance(self.model, rules, carry, output.q_halt.detach(), self.generators.torch)
        self.update += 1
        done = slots.halted.sum().clamp(min=1)
        figures = torch.stack(
            [
                loss.detach(),
                (solved & slots.halted).sum() / done,
                slots.steps[slots.halted].sum() / done,
                contradictory.float().mean(),
                ((output.q_continue > 0) == contradictory).float().mean(),
            ]
        )
        names = ("loss", "solved", "halting_steps", "contradictory", "told")
        return {"puzzles": filled, **dict(zip(names, figures.tolist(), strict=True))}

    def save(self, path: Path) -> None:
        """Write the whole state of the run."""
        state.save(path, self.model, self.ema, self.optimizers, self.slots, self.teacher, self.generators, self.update)

    def train(self, every: int = 50) -> None:
        """Go on to the recipe's last update; the state is saved and a line of `curve.csv` written every `every` updates."""
        started, window = time.monotonic(), []
        with tqdm(total=self.recipe.updates, initial=self.update, unit="update", mininterval=5) as bar:
            while self.update < self.recipe.updates:
                if self.recipe.schedule == "flat" and self.update == self.recipe.cooldown_start:
                    self.save(self.folder / "stable.safetensors")
                window.append(self.step())
                bar.update()
                if self.update % every == 0 or self.update == self.recipe.updates:
                    figures = {name: sum(f[name] for f in window) / len(window) for name in window[0]}
                    seconds = time.monotonic() - started
                    figures["puzzles_per_s"] = figures.pop("puzzles") * len(window) / seconds
                    self._log({"update": self.update, "rate": self.recipe.factor(self.update), **figures, "seconds": seconds})
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
