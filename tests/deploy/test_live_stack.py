"""Every panel and every rule shows something: asked of a real Prometheus that scrapes the real service under mixed traffic."""

import math
from collections.abc import Iterator

import pytest

from tests.deploy.live import Prometheus, Stack, Traffic
from tests.deploy.promql import BOARDS, filled, operands, panels, rules
from tests.deploy.tools import needs
from tests.e2e.serving import until

pytestmark = [needs("prometheus", "redis-server"), pytest.mark.timeout(600)]

PANELS = {f"{path.stem}: {panel['title']}": [target["expr"] for target in panel["targets"]] for path in BOARDS for panel in panels(path)}


@pytest.fixture(scope="module")
def prometheus() -> Iterator[Prometheus]:
    """After some traffic, which goes on."""
    with Stack() as stack, Traffic(stack.server) as traffic:
        solved = 'sum(trm_requests_finished_total{outcome="solved"})'
        until(lambda: {200, 202, 404, 422} <= traffic.statuses, "every kind of request was answered")
        until(lambda: any(float(sample["value"][1]) > 100 for sample in stack.prometheus.query(solved)), "Prometheus has seen a hundred puzzles")
        yield stack.prometheus


def has_data(prometheus: Prometheus, expression: str) -> bool:
    return any(math.isfinite(float(sample["value"][1])) for sample in prometheus.query(expression))


@pytest.mark.parametrize("title", PANELS)
def test_every_panel_has_data(prometheus: Prometheus, title: str) -> None:
    for expression in PANELS[title]:
        asked = filled(expression, "15s")
        until(lambda each=asked: has_data(prometheus, each), f"there is data of {asked}")


@pytest.mark.parametrize("record", rules("record"))
def test_every_recording_rule_records(prometheus: Prometheus, record: str) -> None:
    until(lambda: has_data(prometheus, record), f"{record} is recorded")


@pytest.mark.parametrize("alert", rules("alert"))
def test_every_alert_has_something_to_compare(prometheus: Prometheus, alert: str) -> None:
    for operand in operands(rules("alert")[alert]):
        until(lambda each=operand: has_data(prometheus, each), f"there is data of {operand}")


def test_prometheus_evaluates_every_rule_without_an_error(prometheus: Prometheus) -> None:
    evaluated = prometheus.rules()
    assert {rule["name"] for rule in evaluated} == {*rules("record"), *rules("alert")}
    assert [(rule["name"], rule["health"], rule.get("lastError")) for rule in evaluated if rule["health"] != "ok"] == []


def test_an_expression_without_data_would_be_noticed(prometheus: Prometheus) -> None:
    assert not has_data(prometheus, "trm_no_such_series")
    assert not has_data(prometheus, 'rate(trm_requests_rejected_total{reason="no-such-reason"}[1m])')
