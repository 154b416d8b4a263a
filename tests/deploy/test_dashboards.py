"""The dashboards and rules agree with each other, with the code that makes them, and with what the service exports."""

import subprocess
from pathlib import Path

import promql_parser
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from app.metrics import Metrics
from tests.deploy.promql import BOARDS, MONITORING, PROJECT, board, expressions, names, panels, rules
from tests.deploy.tools import needs, tool


def exported() -> set[str]:
    """The names of all samples of the service, on a machine that reports energy."""
    text = Metrics(("sudoku",), lambda: {"package-0": 1.0}).render().decode()
    families = list(text_string_to_metric_families(text))
    histograms = {f"{family.name}_{end}" for family in families if family.type == "histogram" for end in ("bucket", "sum", "count")}
    return histograms | {family.name + "_total" * (family.type == "counter") for family in families}


@needs("python")
def test_what_is_generated_is_up_to_date() -> None:
    made = subprocess.run([tool("python"), "-m", "monitoring.build", "--check"], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout + made.stderr


@pytest.mark.parametrize("expression", expressions())
def test_every_expression_is_promql_about_series_that_are_exported(expression: str) -> None:
    assert names(expression) - exported() - set(rules("record")) <= {"up"}


@pytest.mark.parametrize("path", BOARDS, ids=lambda path: path.stem)
def test_every_panel_has_a_title_an_explanation_a_number_and_a_place(path: Path) -> None:
    shown = panels(path)
    assert len(shown) >= 8
    for panel in shown:
        assert panel["title"], panel
        assert panel["description"].endswith("."), panel
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24
        assert all(target["datasource"]["uid"] == "${datasource}" for target in panel["targets"])
    assert len({panel["id"] for panel in shown}) == len(shown)


@pytest.mark.parametrize("path", BOARDS, ids=lambda path: path.stem)
def test_every_variable_of_a_panel_can_be_chosen_and_is_used(path: Path) -> None:
    text = " ".join(target["expr"] for panel in panels(path) for target in panel["targets"])
    variables = {variable["name"] for variable in board(path)["templating"]["list"]} - {"datasource"}
    assert variables == {name for name in ("model", "instance") if f"${name}" in text}


def test_each_dashboard_has_an_address_of_its_own_and_is_shipped() -> None:
    assert len({board(path)["uid"] for path in BOARDS}) == len(BOARDS) == 3
    shipped = yaml.safe_load((MONITORING / "kustomization.yaml").read_text())["configMapGenerator"][0]["files"]
    assert {Path(each).name for each in shipped} == {path.name for path in BOARDS}


@needs("promtool")
@pytest.mark.parametrize("words", ["check config --lint=all prometheus.yml", "check rules --lint=all --lint-fatal rules.yml", "test rules rules_test.yml"])
def test_promtool_agrees(words: str) -> None:
    checked = subprocess.run([tool("promtool"), *words.split()], cwd=MONITORING, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("alert", rules("alert"))
def test_every_alert_is_tested_and_its_meaning_written_down(alert: str) -> None:
    assert f"alertname: {alert}" in (MONITORING / "rules_test.yml").read_text()
    assert f"| `{alert}` |" in (PROJECT / "k8s" / "README.md").read_text()


def test_what_the_autoscalers_ask_for_is_exported() -> None:
    asked = (PROJECT / "k8s" / "overlays" / "keda" / "scaling.yaml").read_text()
    queries = [trigger["metadata"]["query"] for each in yaml.safe_load_all(asked) for trigger in each["spec"]["triggers"]]
    for query in queries:
        assert names(query) <= exported()
        assert isinstance(promql_parser.parse(query), promql_parser.AggregateExpr), "KEDA wants one element"
    adapter = yaml.safe_load((MONITORING / "adapter.yml").read_text())
    given = {rule["seriesQuery"].partition("{")[0] for rule in adapter["rules"] + adapter["externalRules"]}
    scaling = list(yaml.safe_load_all((PROJECT / "k8s" / "overlays" / "cpu" / "scaling.yaml").read_text()))
    wanted = {(metric.get("pods") or metric["external"])["metric"]["name"] for each in scaling for metric in each["spec"]["metrics"]}
    assert wanted == given <= exported()
