"""Whether there is a tracer is said by the environment; without one, nothing of a tracing library is loaded."""

import logging
import subprocess
import sys

import pytest

from app.errors import InvalidRequest
from app.tracing.base import asked_for, create_tracer

PLACE = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}


@pytest.mark.parametrize(
    ("environ", "asked"),
    [
        ({}, False),
        (PLACE, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_TRACES_EXPORTER": "none", **PLACE}, False),
        ({"OTEL_SDK_DISABLED": " True", **PLACE}, False),
        ({"OTEL_SDK_DISABLED": "false", **PLACE}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
        ({"OTEL_SERVICE_NAME": "puzzles", "OTEL_TRACES_SAMPLER": "always_on"}, False),
    ],
)
def test_traces_are_asked_for_by_a_place_and_can_be_switched_off(environ, asked) -> None:
    assert asked_for(environ) is asked


@pytest.mark.parametrize(("environ", "asked"), [({"OTEL_TRACES_EXPORTER": "zipkin"}, False), ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", **PLACE}, True)])
def test_what_cannot_be_had_is_logged(environ, asked, caplog) -> None:
    assert asked_for(environ) is asked
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_without_traces_no_tracing_library_is_loaded() -> None:
    code = "import sys, app.serve, app.pool.worker; from app.tracing.base import create_tracer; print(create_tracer(), *sys.modules)"
    environ = {"PYTHONPATH": ":".join(sys.path)}
    tracer, *modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environ).stdout.split()
    assert tracer == "None"
    assert not {"app.tracing.otel", "opentelemetry.exporter"} & set(modules), "redis loads a part of the API where that is installed"


def test_without_the_extra_the_server_says_what_is_missing_and_goes_on(monkeypatch, caplog) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "otlp")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    monkeypatch.delitem(sys.modules, "app.tracing.otel", raising=False)
    assert create_tracer() is None
    assert "otel extra" in caplog.text


def test_a_variable_that_cannot_be_right_ends_the_start_with_a_sentence(monkeypatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "otlp")
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "1")
    with pytest.raises(InvalidRequest, match="OTEL_"):
        create_tracer()
