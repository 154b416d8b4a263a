"""A model store with two real models, made once."""

from pathlib import Path

import pytest
import torch

from tests.support.models import put_model

torch.set_num_threads(1)  # tiny steps on many threads would spend their time waiting for each other


@pytest.fixture(scope="session")
def real_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("store")
    put_model(root, "four", 4)
    put_model(root, "nine", 9)
    return root
