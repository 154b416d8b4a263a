"""The documents agree with the code they describe."""

import re
from importlib.metadata import version
from pathlib import Path

from tests.support.settings_table import README, renewed, table

ROOT = Path(__file__).resolve().parents[2]


def test_the_table_of_settings_is_that_of_today() -> None:
    document = README.read_text()
    assert table() in document, "python -m tests.support.settings_table"
    assert renewed(document) == document


def test_the_changelog_begins_with_this_version() -> None:
    first = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert first is not None
    assert first[1] == version("trm-serve")


def test_every_file_that_the_documents_link_to_exists() -> None:
    for document in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("model_store/*/README.md")):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text()):
            assert (document.parent / target).exists(), f"{document} links to {target}"
