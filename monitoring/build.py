"""`python -m monitoring.build`: write the dashboards as JSON, and the rules as a PrometheusRule. `--check` only says whether they are up to date.

Needs grafana-foundation-sdk (tests/deploy/requirements.txt).
"""

import argparse
import sys
from pathlib import Path

import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from monitoring.dashboards.jobs import jobs
from monitoring.dashboards.overview import overview
from monitoring.dashboards.recursion import recursion

HERE = Path(__file__).parent
HEAD = "# Made from rules.yml by `python -m monitoring.build`; change that.\n"


def files() -> dict[Path, str]:
    """What there should be: texts by path."""
    made = {}
    for dashboard in (overview, recursion, jobs):
        made[HERE / "grafana" / "dashboards" / f"{dashboard.__name__}.json"] = JSONEncoder(sort_keys=True, indent=1).encode(dashboard()) + "\n"
    rules = yaml.safe_load((HERE / "rules.yml").read_text())
    rule = {"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "metadata": {"name": "trm-serve"}, "spec": rules}
    made[HERE / "prometheusrule.yaml"] = HEAD + yaml.safe_dump(rule, sort_keys=False, width=1000)
    return made


def main() -> int:
    """Write, or check; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if something would change")
    check = parser.parse_args().check
    stale = {path: text for path, text in files().items() if not path.exists() or path.read_text() != text}
    for path, text in stale.items():
        print(f"{'out of date' if check else 'written'}: {path.relative_to(HERE.parent)}")
        if not check:
            path.write_text(text)
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
