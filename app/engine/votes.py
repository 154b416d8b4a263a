"""Votes of a puzzle's attempts for their answers, where no rule can judge them. Knows bytes and probabilities; no model, no grids."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Votes:
    """The halting probabilities of the attempts that gave each answer, by answer, in the order of the first of them. `void` answers cannot win over others."""

    given: dict[bytes, list[float]] = field(default_factory=dict)
    void: set[bytes] = field(default_factory=set)

    def add(self, answer: bytes, probability: float, *, void: bool = False) -> None:
        """One more vote, with the probability that the attempt ended rightly."""
        self.given.setdefault(answer, []).append(probability)
        if void:
            self.void.add(answer)

    def ranked(self) -> list[tuple[bytes, float]]:
        """(answer, mean halting probability) by votes; of equally many the higher probability, then the earlier answer comes first."""
        ordered = sorted(self.given.items(), key=lambda item: (item[0] in self.void, -len(item[1]), -sum(item[1]) / len(item[1])))
        return [(answer, sum(votes) / len(votes)) for answer, votes in ordered]

    def settled(self, left: int) -> bool:
        """Whether `left` votes more cannot put another answer first."""
        counts = sorted((len(votes) for answer, votes in self.given.items() if answer not in self.void), reverse=True)
        return bool(counts) and counts[0] > (counts[1] if len(counts) > 1 else 0) + left
