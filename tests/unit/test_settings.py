"""Settings come from the environment under one prefix, and a setting that there is not is refused."""

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from app.settings import Settings, cores


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    for name in [name for name in os.environ if name.startswith("TRM_")]:
        monkeypatch.delenv(name)


def test_a_variable_with_the_prefix_sets_its_field(monkeypatch) -> None:
    monkeypatch.setenv("TRM_PORT", "9001")
    monkeypatch.setenv("TRM_MODELS", '["sudoku", "sudoku-4x4"]')
    monkeypatch.setenv("TRM_MODEL_STORE", "/models")
    settings = Settings()
    assert (settings.port, settings.models, settings.model_store) == (9001, ("sudoku", "sudoku-4x4"), Path("/models"))


def test_a_variable_without_the_prefix_sets_nothing(monkeypatch) -> None:
    monkeypatch.setenv("PORT", "9001")
    assert Settings().port == 8000


def test_what_is_given_goes_before_the_environment(monkeypatch) -> None:
    monkeypatch.setenv("TRM_PORT", "9001")
    assert Settings(port=9002).port == 9002


def test_a_setting_that_there_is_not_is_refused_by_name() -> None:
    with pytest.raises(ValidationError, match="prot"):
        Settings(prot=9001)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TRM_PORT", "70000"),
        ("TRM_PORT", "http"),
        ("TRM_WORKERS", "0"),
        ("TRM_SLOTS", "5000"),
        ("TRM_BACKEND", "tensorflow"),
        ("TRM_REFILL", "never"),
        ("TRM_DEVICE", "cuda:x"),
        ("TRM_QUEUE_CAPACITY", "0"),
        ("TRM_STALL_SECONDS", "0"),
        ("TRM_LOG_LEVEL", "loud"),
        ("TRM_MAX_BODY_BYTES", "-1"),
        ("TRM_REDIS_URL", "http://cache"),
        ("TRM_REDIS_TIMEOUT_SECONDS", "0"),
        ("TRM_CACHE_SECONDS", "0"),
        ("TRM_CACHE_SECONDS", "inf"),
        ("TRM_CACHE_UNSOLVED_SECONDS", "-1"),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(monkeypatch, name, value) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError, match=name.removeprefix("TRM_").lower()):
        Settings()


@pytest.mark.parametrize("device", ["cpu", "cuda", "cuda:0", "cuda:12"])
def test_devices_are_a_cpu_or_a_numbered_gpu(device) -> None:
    assert Settings(device=device, backend="torch").device == device


@pytest.mark.parametrize("given", [{"device": "cuda"}, {"compile": True}, {"device": "cuda:1", "backend": "onnx"}])
def test_what_the_torch_backend_does_is_asked_of_no_other(given) -> None:
    with pytest.raises(ValidationError, match="torch"):
        Settings(**given)


def test_settings_may_be_shown_without_the_password_of_redis(monkeypatch) -> None:
    monkeypatch.setenv("TRM_REDIS_URL", "redis://:hunter2@cache")
    assert "hunter2" not in f"{Settings()!r} {Settings()}"
    assert Settings().redis_url.get_secret_value() == "redis://:hunter2@cache"


def test_settings_cannot_be_changed_once_they_are_read() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().port = 1


def test_every_setting_is_described() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


@pytest.mark.parametrize(("quota", "share"), [("100000 100000", 1), ("150000 100000", 1), ("50000 100000", 1), ("max 100000", None), ("what", None)])
def test_a_container_has_as_many_cores_as_it_may_take_the_time_of(tmp_path: Path, quota: str, share: int | None) -> None:
    (tmp_path / "cpu.max").write_text(quota)
    assert cores(tmp_path / "cpu.max") == (share or cores(tmp_path / "none"))
