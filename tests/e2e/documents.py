"""The examples in documents: blocks of code, each with the output that the document shows."""

import re
from dataclasses import dataclass
from pathlib import Path

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Example:
    """Code in a language, and the text that follows as its output, where `…` stands for anything; None where no output is shown."""

    language: str
    code: str
    output: str | None

    def shows(self, printed: str) -> bool:
        """Whether it printed what the document says."""
        pattern = ".*".join(map(re.escape, (self.output or "").split("…")))
        return self.output is None or re.fullmatch(pattern, printed, re.DOTALL) is not None


def examples(document: Path, *languages: str) -> list[Example]:
    """The blocks in these languages. An output is a `text` block with nothing but white space before it."""
    found, text = list[Example](), document.read_text()
    matches = list(BLOCK.finditer(text))
    for place, match in enumerate(matches):
        follower = matches[place + 1] if place + 1 < len(matches) else None
        follows = follower is not None and follower[1] == "text" and not text[match.end() : follower.start()].strip()
        if match[1] in languages:
            found.append(Example(match[1], match[2], follower[2] if follower and follows else None))
    return found
