"""The table of settings in the README, made of the settings themselves: `python -m tests.support.settings_table` writes it there."""

import re
from pathlib import Path

from app.settings import Settings

README = Path(__file__).resolve().parents[2] / "README.md"
TOLD = {
    "batch": "measured",
    "threads": "measured",
    "workers": "one a core, 8 at most",
    "model_store": "`model_store`",
    "models": "all",
    "slots": "by device",
    "compile": "`false`",
}
"""Defaults that depend on the machine, or that their value would not explain."""
TOLD |= dict.fromkeys(("redis_url", "jobs_redis_url", "api_keys", "api_keys_file", "cors_origins", "metrics_port"), "none")


def table() -> str:
    """A line for each setting."""
    fields = Settings.model_fields.items()
    rows = (f"| `TRM_{name.upper()}` | {TOLD.get(name, f'`{field.default}`')} | {field.description} |\n" for name, field in fields)
    return "| variable | default | meaning |\n| --- | --- | --- |\n" + "".join(rows)


def renewed(document: str) -> str:
    """The document with today's table in place of the one that it has."""
    return re.sub(r"\| variable \| default \| meaning \|\n(\|.*\n)+", lambda _: table(), document)


if __name__ == "__main__":
    README.write_text(renewed(README.read_text()))
