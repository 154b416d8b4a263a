"""A model of the store whose puzzles have no family here yet is refused by name, before anything of it is loaded."""

import pytest

from app.errors import InvalidModel
from app.model.store import read
from app.pool.messages import WorkerSpec
from app.pool.worker import make_engine
from tests.support.stores import put, tiny


@pytest.mark.parametrize(("family", "side", "tokens"), [("maze", 9, 6), ("arc", 9, 12)])
def test_a_family_that_is_not_served_yet_is_refused_with_the_models_name(tmp_path, family, side, tokens) -> None:
    arch = tiny(side, vocab_size=tokens).to_json()
    entry = read(put(tmp_path, "given", side, puzzle={"family": family, "height": side, "width": side}, arch=arch))
    with pytest.raises(InvalidModel, match=f"given: the family {family} is not served yet"):
        make_engine(entry, WorkerSpec(store=tmp_path, models=("given",)))
