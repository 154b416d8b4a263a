"""One thread for torch, since these models are too small for more; a checkpoint to import, and what is said when it is refused."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from app.cli import main
from tests.support.checkpoints import put_checkpoint


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    put_checkpoint(tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture
def refused(run: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., None]:
    def refused(*words: str) -> None:
        """Assert that the import says all these words in one sentence, and writes nothing."""
        assert main(["import", str(run), "--store", str(run.parent / "store"), "--name", "given"]) == 1
        said = capsys.readouterr().err
        assert said.startswith("trm: ")
        assert said.count("\n") == 1, said
        assert all(word in said for word in words), said
        assert [path.name for path in run.parent.iterdir()] == ["run"]

    return refused
