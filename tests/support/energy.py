"""A folder made like `/sys/class/powercap`."""

from pathlib import Path

SPAN = 262_143_328_850


def zone(root: Path, folder: str, name: str, microjoules: int, span: int = SPAN) -> Path:
    """One RAPL zone; the file that counts."""
    path = root / folder
    path.mkdir()
    for file, content in (("name", name), ("energy_uj", microjoules), ("max_energy_range_uj", span)):
        (path / file).write_text(f"{content}\n")
    return path / "energy_uj"
