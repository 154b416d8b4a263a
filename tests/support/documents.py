"""The examples in documents: blocks of code, each with the output that the document shows."""

import re
from dataclasses import dataclass
from pathlib import Path

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CODE = ("sh", "python")
VOLATILE = ((r'"id":"[0-9a-f]{32}', '"id":"'), (r'("\w+_(?:ms|at)"):(?:"[^"]*"|[\d.]+)', r"\1:"), (r'("halt_probability":\d\.\d\d)\d*', r"\1"))
"""What is another at every run, or on another processor, and what is compared of it."""


@dataclass(frozen=True)
class Example:
    """Code in a language, and the block that follows as its output, where `…` stands for anything; None where no output is shown."""

    document: str
    language: str
    code: str
    output: str | None

    def shows(self, printed: str) -> bool:
        """Whether it printed what the document says."""
        pattern = ".*".join(map(re.escape, _settled(self.output or "").split("…")))
        return self.output is None or re.fullmatch(pattern, _settled(printed), re.DOTALL) is not None


def _settled(text: str) -> str:
    """The text without what is volatile, and JSON without the white space between its tokens."""
    text = text.strip("\n")
    if text.startswith(("{", "event:")):
        text = re.sub(r"\s*…\s*", "…", re.sub(r'([,:])\s+(?=["\[{\d-]|true|false|null)', r"\1", text))
    for pattern, kept in VOLATILE:
        text = re.sub(pattern, kept, text)
    return text


def blocks(document: Path) -> list[tuple[str, str]]:
    """Language and text of every block."""
    return BLOCK.findall(document.read_text())


def examples(document: Path) -> list[Example]:
    """Every block of code. What follows it with nothing but white space before it is its output, if that is no code itself."""
    found, text = list[Example](), document.read_text()
    matches = list(BLOCK.finditer(text))
    for place, match in enumerate(matches):
        follower = matches[place + 1] if place + 1 < len(matches) else None
        follows = follower is not None and follower[1] not in CODE and not text[match.end() : follower.start()].strip()
        if match[1] in CODE:
            found.append(Example(document.name, match[1], match[2], follower[2] if follower and follows else None))
    return found
