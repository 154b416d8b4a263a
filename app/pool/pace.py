"""How fast a model is: seconds of a step by its size and steps of an attempt, as measured lately. A value; no clock of its own."""

from dataclasses import dataclass

DECAY = 0.98
"""Weight that a step, or a finished puzzle, keeps with each later one: a memory of about fifty."""


@dataclass(slots=True)
class Pace:
    """Sums over the steps and finished puzzles of one model, the latest counting most.

    A step of n slots takes fixed + n * each seconds: the line of least squares. Sizes that were all alike tell no line; then a step is taken to last as long
    at any size, which refuses nobody too early, until the first full batch tells better.
    """

    count: float = 0.0
    sizes: float = 0.0
    squares: float = 0.0
    seconds: float = 0.0
    products: float = 0.0
    steps: float = 0.0
    attempts: float = 0.0

    def stepped(self, size: int, seconds: float) -> None:
        """Take in a step of `size` slots."""
        self.count = self.count * DECAY + 1
        self.sizes = self.sizes * DECAY + size
        self.squares = self.squares * DECAY + size * size
        self.seconds = self.seconds * DECAY + seconds
        self.products = self.products * DECAY + size * seconds

    def finished(self, steps: int, attempts: int) -> None:
        """Take in a puzzle that is done."""
        self.steps, self.attempts = self.steps * DECAY + steps, self.attempts * DECAY + attempts

    def attempt_seconds(self, slots: int) -> float:
        """Seconds of a worker that one attempt takes when all slots are full; 0 until both are measured."""
        if not self.attempts or not self.count:
            return 0.0
        spread = self.count * self.squares - self.sizes**2
        slope = (self.count * self.products - self.sizes * self.seconds) / spread if spread > 1e-6 * self.sizes**2 else 0.0
        each = min(max(slope, 0.0), self.seconds / self.sizes)
        fixed = (self.seconds - each * self.sizes) / self.count
        return self.steps / self.attempts * (fixed / slots + each)
