"""The cells that a step changed, in every form of a grid."""

import pytest

from app.api.answers import changed


@pytest.mark.parametrize(
    ("before", "after", "cells"),
    [
        ("1234" * 4, "1234" * 4, []),
        ("1000" + "0" * 12, "1200" + "0" * 11 + "4", [(0, 1), (3, 3)]),
        ([[1, 0], [0, 0]], [[1, 2], [0, 3]], [(0, 1), (1, 1)]),
        (["S #", "  G"], ["S #", "ooG"], [(1, 0), (1, 1)]),
        ([[1]], [[1, 5], [6, 7]], [(0, 1), (1, 0), (1, 1)]),
        ([[1, 5], [6, 7]], [[1]], []),
        ([], [[3]], [(0, 0)]),
    ],
    ids=["nothing", "a string", "rows", "lines", "a larger answer", "a smaller answer", "an answer after none"],
)
def test_changed_cells_are_told_by_row_and_column(before, after, cells) -> None:
    assert changed(before, after) == cells
