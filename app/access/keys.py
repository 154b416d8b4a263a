"""API keys as an operator gives them: a name, the SHA-256 of the key, and what its client may use. Knows no HTTP and no clock.

    name:sha256[:rate[/burst][:jobs]]      one an entry; entries are separated by commas or stand on lines of their own, # begins a comment

A key is 256 bits of chance, so its plain SHA-256 cannot be turned back, and a slow hash would protect nothing more. What is read here is never quoted in
an error: an entry that is wrong may be a key that was written in the place of its hash.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from app.errors import InvalidRequest

PREFIX = "trm_"
"""How the keys made here begin, so that scanners for leaked secrets can tell one."""
ENTRY = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]{0,63}):(?P<digest>[0-9a-fA-F]{64})"
    r"(:((?P<rate>\d{1,9}(\.\d{1,9})?)(/(?P<burst>\d{1,9}))?)?(:(?P<jobs>\d{1,9})?)?)?",
    re.ASCII,
)
FORM = "name:sha256[:rate[/burst][:jobs]]"


@dataclass(frozen=True, slots=True)
class Key:
    """One client. `rate` is in puzzles a second and `burst` how many it may send at once, `jobs` how many jobs it may have open; None is what all may."""

    name: str
    digest: bytes = field(repr=False)
    rate: float | None = None
    burst: int = 1
    jobs: int | None = None


def parse(text: str) -> tuple[Key, ...]:
    """Read entries. Raises `ValueError` with one sentence that quotes nothing but a name that is there twice."""
    return distinct(tuple(_key(number, entry) for number, entry in enumerate(_entries(text), 1)))


def distinct(keys: tuple[Key, ...]) -> tuple[Key, ...]:
    """The keys, if each has a name and a hash of its own. Raises `ValueError` else."""
    names = [key.name for key in keys]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"there are two keys of the name {twice}")
    if len({key.digest for key in keys}) < len(keys):
        raise ValueError("two names have the same key")
    return keys


def read(text: str, file: Path | None) -> tuple[Key, ...]:
    """The keys of a setting and of a file, which must have one, or it would let all in. Raises `InvalidRequest` with one sentence that quotes neither."""
    try:
        of_file = parse(file.read_text()) if file else ()
        if file and not of_file:
            raise ValueError(f"{file} has no key in it")
        return distinct(parse(text) + of_file)
    except OSError as error:
        raise InvalidRequest(f"TRM_API_KEYS_FILE: {file} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise InvalidRequest(f"TRM_API_KEYS_FILE: {'it is no text' if isinstance(error, UnicodeError) else error}") from None


def new(name: str, limits: str = "") -> tuple[str, str]:
    """A new key, which only its client keeps, and the entry that lets it in. `limits` is what follows the hash. Raises `ValueError` for no such form."""
    key = PREFIX + secrets.token_urlsafe(32)
    entry = f"{name}:{digest(key.encode()).hex()}" + (f":{limits}" if limits else "")
    parse(entry)
    return key, entry


def digest(key: bytes) -> bytes:
    """What is kept of a key."""
    return hashlib.sha256(key).digest()


class Keys:
    """The keys that there are, to look one up."""

    def __init__(self, keys: tuple[Key, ...]) -> None:
        self.all, self.salt = keys, secrets.token_bytes(32)
        self.by_tag = {self._tag(key.digest): key for key in keys}

    def find(self, presented: bytes) -> Key | None:
        """Whose key this is. Takes as long for a wrong key as for a right one, however many there are."""
        return self.by_tag.get(self._tag(digest(presented)))

    def _tag(self, of: bytes) -> bytes:
        # what the dictionary compares byte by byte is a hash under a secret of this process: how far a comparison came tells nothing of the key
        return hmac.digest(self.salt, of, "sha256")


def _entries(text: str) -> Iterator[str]:
    lines = (line.partition("#")[0] for line in text.splitlines())
    return (entry.strip() for line in lines for entry in line.split(",") if entry.strip())


def _key(number: int, entry: str) -> Key:
    found = ENTRY.fullmatch(entry)
    if found is None:
        raise ValueError(f"key {number} is not of the form {FORM}: a name, 64 hexadecimal digits, limits")
    rate = None if found["rate"] is None else float(found["rate"])
    burst = int(found["burst"] or max(1, round(rate or 1)))
    if rate == 0 or burst == 0:
        raise ValueError(f"the rate and burst of key {number} are above 0; leave them out for no limit")
    return Key(found["name"], bytes.fromhex(found["digest"]), rate, burst, None if found["jobs"] is None else int(found["jobs"]))
