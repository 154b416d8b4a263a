"""The Grafana dashboards as code: `python -m monitoring.build` writes them as JSON. Knows panels and PromQL; no data."""
