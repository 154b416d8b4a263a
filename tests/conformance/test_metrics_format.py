"""`/metrics` as Prometheus itself judges it."""

import re
import shutil
import subprocess

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.metrics import Metrics
from tests.e2e.problems import post_raw
from tests.e2e.puzzles import NEWSPAPER
from tests.e2e.serving import MODELS, Server, body

PROMTOOL = shutil.which("promtool")


@pytest.fixture(scope="module")
def scraped(server: Server) -> httpx.Response:
    """The metrics of a server that has seen answers, refusals and a client's nonsense."""
    for response in (server.solve(NEWSPAPER), server.solve("x"), server.solve(NEWSPAPER, "nobody"), post_raw(server, b"{")):
        assert response.status_code in (200, 400, 404, 422)
    server.client.get("/nowhere")
    return server.client.get("/metrics")


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed; tests/install_tools installs it")
def test_promtool_has_nothing_to_say(scraped: httpx.Response) -> None:
    assert PROMTOOL is not None
    checked = subprocess.run([PROMTOOL, "check", "metrics"], input=scraped.content, capture_output=True, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed; tests/install_tools installs it")
def test_nor_of_the_energy_that_some_machines_report() -> None:
    assert PROMTOOL is not None
    text = Metrics(energy=lambda: {"package-0": 1.5}).render()
    checked = subprocess.run([PROMTOOL, "check", "metrics"], input=text, capture_output=True, check=False)
    assert b"trm_energy_joules_total" in text
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed; tests/install_tools installs it")
def test_promtool_would_have_said_something() -> None:
    assert PROMTOOL is not None
    checked = subprocess.run([PROMTOOL, "check", "metrics"], input=b"# TYPE badName counter\nbadName 1\n", capture_output=True, check=False)
    assert checked.returncode != 0


def test_the_content_type_is_the_text_formats(scraped: httpx.Response) -> None:
    assert scraped.headers["content-type"].startswith("text/plain; version=")


def test_every_series_has_the_prefix_a_type_and_a_help_text(scraped: httpx.Response) -> None:
    families = list(text_string_to_metric_families(scraped.text))
    assert len(families) > 15
    for family in families:
        assert re.fullmatch(r"trm_[a-z_]+", family.name), family.name
        assert family.type in ("counter", "gauge", "histogram"), family.name
        assert family.documentation.endswith("."), family.name


def test_models_and_their_outcomes_are_there_before_the_first_puzzle() -> None:
    families = text_string_to_metric_families(Metrics(("some", "other")).render().decode())
    finished = {family.name: family for family in families}["trm_requests_finished"]
    labels = {(sample.labels["model"], sample.labels["outcome"]) for sample in finished.samples if sample.name.endswith("_total")}
    assert {("some", "solved"), ("other", "abandoned")} <= labels


def test_a_scrape_changes_nothing_but_its_own_count(server: Server, scraped: httpx.Response) -> None:
    first, second = (server.client.get("/metrics").text.splitlines() for _ in range(2))
    differing = {line.partition(" ")[0] for line in set(first) ^ set(second) if not line.startswith("#")}
    assert all("http_request" in line or "energy" in line for line in differing)


@pytest.mark.parametrize("model", MODELS)
def test_every_model_has_an_info_series_with_its_version(server: Server, model: str) -> None:
    version = server.client.get(f"/v1/models/{model}").json()["version"]
    assert server.metric("trm_model_info", model=model, version=version) == 1


def test_sums_agree(server: Server) -> None:
    """Each puzzle that left the pool is in every count once."""
    for options in ({}, {"halt": "never", "max_steps": 3}, {"trace": True}):
        assert server.client.post("/v1/solve", json=body(NEWSPAPER, **options)).status_code == 200
    solved = server.metric("trm_requests_finished_total", outcome="solved") + server.metric("trm_requests_finished_total", outcome="unsolved")
    assert solved > 0
    for name in ("trm_halting_steps_count", "trm_attempts_count", "trm_verified_total", "trm_request_solve_duration_seconds_count"):
        assert server.metric(name) == solved, name
    assert server.metric("trm_step_batch_size_count") == server.metric("trm_step_duration_seconds_count")
