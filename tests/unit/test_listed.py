"""Other people's names as a message lists them: short, printable and not too many."""

from app.errors import listed


def test_names_are_listed_in_order() -> None:
    assert listed(["b", "a"]) == "a, b"


def test_of_many_only_some_are_told() -> None:
    assert listed(range(100, 200), most=2) == "100, 101 and 98 more"


def test_what_would_not_print_or_is_endless_is_quoted_and_cut() -> None:
    assert listed(["a\nb\x1b[2J"]) == r"'a\nb\x1b[2J'"
    assert len(listed(["x" * 10_000])) == 40
