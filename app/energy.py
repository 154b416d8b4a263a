"""How many joules the machine has spent, where it tells: Linux RAPL for CPUs, NVML for CUDA devices. Knows counters; no puzzles, no metrics.

RAPL counts a whole CPU package, whoever used it. Its files are root's alone on most systems. What cannot be read is left out, never guessed.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

POWERCAP = Path("/sys/class/powercap")


class Counter:
    """One counter of the machine's, `read` in units of 1/`scale` joules, that starts again from 0 after `span` (0: never)."""

    def __init__(self, read: Callable[[], int], scale: float, span: int = 0) -> None:
        self.read, self.scale, self.span = read, scale, span
        self.last, self.total = read(), 0

    def joules(self) -> float:
        """Joules since this object was made, if it is asked at least once every `span`."""
        now = self.read()
        if now < self.last and not self.span:
            raise ValueError("a counter that does not start again went back")
        self.total += now - self.last if now >= self.last else now + self.span - self.last
        self.last = now
        return self.total / self.scale


class Energy:
    """The counters of this machine: every CPU package that can be read, and the CUDA device that is asked for."""

    def __init__(self, device: str = "cpu", powercap: Path = POWERCAP) -> None:
        self.counters = dict(_packages(powercap))
        if device.startswith("cuda"):
            self.counters |= _cuda(device)

    def read(self) -> dict[str, float]:
        """Joules by device since this object was made; empty where nothing is reported. A counter that fails is not reported again."""
        found = {}
        for device, counter in list(self.counters.items()):
            try:
                found[device] = counter.joules()
            except Exception:  # an OSError, a ValueError, or NVML's own, which cannot be named where it is not installed
                del self.counters[device]
        return found


def _packages(powercap: Path) -> Iterator[tuple[str, Counter]]:
    """The CPU packages, by their names in RAPL (`package-0`). Its other zones are parts of these, or (`psys`) more than the CPU."""
    for zone in sorted(powercap.glob("intel-rapl:*")):  # AMD's are called so, too
        try:
            name = (zone / "name").read_text().strip()
            if name.startswith("package") and zone.name.count(":") == 1:
                yield name, Counter(_reader(zone / "energy_uj"), 1e6, int((zone / "max_energy_range_uj").read_text()))
        except (OSError, ValueError):
            continue


def _reader(path: Path) -> Callable[[], int]:
    return lambda: int(path.read_text())


def _cuda(device: str) -> dict[str, Counter]:
    """The counter of one CUDA device (Volta and later have one); none without nvidia-ml-py.

    CUDA numbers the visible devices, NVML all of them by bus: with unlike GPUs in one machine set CUDA_DEVICE_ORDER=PCI_BUS_ID.
    """
    number = int(device.partition(":")[2] or 0)
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    try:
        import pynvml

        pynvml.nvmlInit()
        chosen = visible.split(",")[number].strip() if visible else str(number)
        handle: Any = pynvml.nvmlDeviceGetHandleByIndex(int(chosen)) if chosen.isdecimal() else pynvml.nvmlDeviceGetHandleByUUID(chosen)
        return {f"cuda:{number}": Counter(lambda: int(pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)), 1e3)}
    except Exception:  # not installed, no driver, or an old device: then nothing is claimed
        return {}
