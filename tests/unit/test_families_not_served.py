"""A model of the store whose puzzles have no family here yet is refused by name, before anything of it is loaded."""

import pytest

from app.errors import InvalidModel
from app.model.store import read
from app.pool.messages import WorkerSpec
from app.pool.worker import make_engines
from tests.support.stores import put, tiny


def test_a_family_that_is_not_served_yet_is_refused_with_the_models_name(tmp_path) -> None:
    arch = tiny(9, vocab_size=12).to_json()
    entry = read(put(tmp_path, "given", 9, puzzle={"family": "arc", "height": 9, "width": 9}, arch=arch))
    with pytest.raises(InvalidModel, match="given: the family arc is not served yet"):
        make_engines(entry, WorkerSpec(store=tmp_path, models=("given",)))
