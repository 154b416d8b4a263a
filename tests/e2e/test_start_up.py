"""A server that cannot serve says why in one sentence, ends with a failure and leaves nothing behind."""

import hashlib
import json
import shutil
import socket
from pathlib import Path

import pytest

from tests.e2e.puzzles import SUDOKUS, side_of
from tests.e2e.serving import STORE
from tests.e2e.terminal import trm

SMALLEST = min(SUDOKUS, key=side_of)
GRAPH, WEIGHTS = "step.onnx", "model.safetensors"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A copy of one model, to be harmed."""
    shutil.copytree(STORE / SMALLEST, tmp_path / "store" / SMALLEST)
    return tmp_path / "store"


def amend(store: Path, **values: object) -> None:
    """Change fields of the model's config."""
    path = store / SMALLEST / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def describe(store: Path) -> None:
    """Make the config's digests those of the files that are there."""
    amend(store, sha256={path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (store / SMALLEST).iterdir() if path.suffix != ".json"})


def refuses(store: Path, *words: object, **settings: object) -> None:
    """Assert that no server starts on this store, and that it says why in one sentence with these words."""
    ran = trm("serve", port=0, model_store=store, **settings)
    assert ran.returncode not in (0, None)
    assert "Traceback" not in ran.stderr
    lines = [json.loads(line) for line in ran.stderr.splitlines() if line.startswith("{")]
    said = [line["message"] for line in lines if line["level"] == "CRITICAL"] + [line for line in ran.stderr.splitlines() if not line.startswith("{")]
    assert len(said) == 1, said
    assert "\n" not in said[0]
    for word in words:
        assert str(word) in said[0]


def test_the_copy_is_sound(store: Path) -> None:
    describe(store)
    refuses(store, "nobody", models='["nobody"]')


def test_a_graph_that_is_not_the_one_described(store: Path) -> None:
    with (store / SMALLEST / GRAPH).open("r+b") as file:
        file.seek(1000)
        file.write(b"\xff")
    refuses(store, GRAPH, "sha256")


def test_a_graph_that_is_garbage(store: Path) -> None:
    (store / SMALLEST / GRAPH).write_bytes(b"garbage" * 100)
    describe(store)
    refuses(store, GRAPH, backend="onnx")


def test_a_graph_cut_short(store: Path) -> None:
    path = store / SMALLEST / GRAPH
    path.write_bytes(path.read_bytes()[:-1000])
    describe(store)
    refuses(store, GRAPH, backend="onnx")


def test_a_graph_of_nothing(store: Path) -> None:
    (store / SMALLEST / GRAPH).write_bytes(b"")
    describe(store)
    refuses(store, GRAPH, backend="onnx")


def test_a_graph_that_is_missing(store: Path) -> None:
    (store / SMALLEST / GRAPH).unlink()
    refuses(store, GRAPH, "missing")


def test_weights_that_are_garbage(store: Path) -> None:
    (store / SMALLEST / WEIGHTS).write_bytes(b"garbage" * 100)
    describe(store)
    refuses(store, WEIGHTS, backend="torch")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\0", "{}"])
def test_a_config_that_is_none(store: Path, text: str) -> None:
    (store / SMALLEST / "config.json").write_text(text)
    refuses(store, "config.json")


@pytest.mark.parametrize(
    ("field", "value"), [("schema_version", 2), ("name", "another"), ("surprise", 1), ("puzzle", {"family": "chess", "height": 4, "width": 4}), ("limits", {})]
)
def test_a_config_that_says_what_it_may_not(store: Path, field: str, value: object) -> None:
    amend(store, **{field: value})
    refuses(store, "config.json", field)


def test_an_empty_store(tmp_path: Path) -> None:
    refuses(tmp_path, tmp_path, "empty")


def test_no_store(tmp_path: Path) -> None:
    refuses(tmp_path / "nowhere", "nowhere")


def test_a_port_that_is_taken(store: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ran = trm("serve", port=taken.getsockname()[1], model_store=store)
    assert ran.returncode not in (0, None)
    assert "in use" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_what_an_export_left_half_done_is_no_model(store: Path) -> None:
    shutil.copytree(store / SMALLEST, store / f".{SMALLEST}.partial")
    refuses(store, "nobody", models='["nobody"]')
