"""The documents agree with the code they describe."""

import re
from importlib.metadata import version
from pathlib import Path

import pytest

from app.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DEFAULTS = {
    "batch": "measured",
    "threads": "measured",
    "workers": "one a core, 8 at most",
    "model_store": "`model_store`",
    "models": "all",
    "slots": "by device",
}
DEFAULTS |= dict.fromkeys(("redis_url", "jobs_redis_url", "api_keys", "api_keys_file", "cors_origins", "metrics_port"), "none")


@pytest.mark.parametrize("name", Settings.model_fields)
def test_the_readme_lists_every_setting_with_its_default_and_meaning(name: str) -> None:
    field = Settings.model_fields[name]
    default = DEFAULTS.get(name, f"`{field.default}`")
    assert f"| `TRM_{name.upper()}` | {default} | {field.description} |" in (ROOT / "README.md").read_text()


def test_the_readme_lists_no_setting_that_is_not_there() -> None:
    named = set(re.findall(r"\| `TRM_([A-Z_]+)`", (ROOT / "README.md").read_text()))
    assert named == {name.upper() for name in Settings.model_fields}


def test_the_changelog_begins_with_this_version() -> None:
    first = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert first is not None
    assert first[1] == version("trm-serve")


def test_every_file_that_the_documents_link_to_exists() -> None:
    for document in ROOT.glob("*.md"):
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text()):
            assert (ROOT / target).exists(), f"{document.name} links to {target}"
