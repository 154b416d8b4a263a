"""Which of two media types a client would rather have, by its Accept header (RFC 9110, 12.5.1). Knows no routes."""

from collections.abc import Iterable


def prefers(accepts: Iterable[str], kind: str, usual: str) -> bool:
    """Whether `kind` is asked for by its own name, and not less than `usual` is by its. Wildcards mean `usual`."""
    weights = {name: weight for header in accepts for name, weight in map(_weighted, header.split(","))}
    return weights.get(kind, 0.0) > 0 and weights[kind] >= weights.get(usual, 0.0)


def _weighted(element: str) -> tuple[str, float]:
    """A media type, without parameters, and its weight; 0 where that is no number."""
    name, *parameters = (part.strip().lower() for part in element.split(";"))
    weight = next((each.removeprefix("q=") for each in parameters if each.startswith("q=")), "1")
    return name, float(weight) if weight.replace(".", "", 1).isdecimal() else 0.0
