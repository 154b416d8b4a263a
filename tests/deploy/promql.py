"""The PromQL of the dashboards and rules: where it stands, what it reads, and what of an alert must have data though the alert is silent."""

import json
from pathlib import Path
from typing import Any

import promql_parser
import yaml

PROJECT = Path(__file__).resolve().parents[2]
MONITORING = PROJECT / "monitoring"
BOARDS = sorted((MONITORING / "grafana" / "dashboards").glob("*.json"))
COMPARISONS = {"==", "!=", ">", "<", ">=", "<="}
SETS = {"and", "or", "unless"}


def board(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text()))


def panels(path: Path) -> list[dict[str, Any]]:
    """The panels of a dashboard that show data."""
    return [panel for panel in board(path)["panels"] if panel["type"] != "row"]


def filled(expression: str, window: str = "1m") -> str:
    """An expression of a panel as Grafana would send it with all models and instances chosen."""
    return expression.replace("$__rate_interval", window).replace("$model", ".+").replace("$instance", ".+")


def rules(kind: str) -> dict[str, str]:
    """Expressions by name of all rules of a kind: `record` or `alert`."""
    groups = yaml.safe_load((MONITORING / "rules.yml").read_text())["groups"]
    return {rule[kind]: rule["expr"] for group in groups for rule in group["rules"] if kind in rule}


def expressions() -> list[str]:
    """Every expression there is, as Prometheus would be asked."""
    shown = [filled(target["expr"]) for path in BOARDS for panel in panels(path) for target in panel["targets"]]
    return [*shown, *rules("record").values(), *rules("alert").values()]


def names(expression: str) -> set[str]:
    """The series that an expression reads. Raises ValueError where it is no PromQL."""
    found: set[str] = set()

    def visit(node: promql_parser.Expr) -> bool:
        selector = node.vector_selector if isinstance(node, promql_parser.MatrixSelector) else node
        if isinstance(selector, promql_parser.VectorSelector) and selector.name:
            found.add(selector.name)
        return True

    promql_parser.walk(promql_parser.parse(expression), visit)
    return found


def operands(expression: str) -> list[str]:
    """What an alert compares: the parts of its expression that are there whether it fires or not."""
    return _operands(promql_parser.parse(expression))


def _operands(node: promql_parser.Expr) -> list[str]:
    if isinstance(node, promql_parser.ParenExpr):
        return _operands(node.expr)
    if isinstance(node, promql_parser.BinaryExpr):
        if str(node.op) in SETS:
            return _operands(node.lhs) + _operands(node.rhs)
        if str(node.op) in COMPARISONS:
            return _operands(node.lhs)
    return [str(node)]
