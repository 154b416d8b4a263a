"""Joules from a folder made like `/sys/class/powercap`, and from a module that has NVML's names."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

from app.energy import Energy
from tests.support.energy import SPAN, zone


def test_a_machine_without_rapl_reports_nothing(tmp_path) -> None:
    assert Energy(powercap=tmp_path).read() == {}
    assert Energy(powercap=tmp_path / "nowhere").read() == {}


def test_joules_are_counted_from_the_start_and_by_package(tmp_path) -> None:
    first, second = (zone(tmp_path, f"intel-rapl:{number}", f"package-{number}", 5_000_000) for number in (0, 1))
    energy = Energy(powercap=tmp_path)
    assert energy.read() == {"package-0": 0, "package-1": 0}
    first.write_text("7500000\n")
    second.write_text("6000000\n")
    assert energy.read() == {"package-0": 2.5, "package-1": 1}
    first.write_text("8000000\n")
    assert energy.read() == {"package-0": 3, "package-1": 1}


def test_a_counter_that_starts_again_goes_on(tmp_path) -> None:
    file = zone(tmp_path, "intel-rapl:0", "package-0", SPAN - 1_000_000)
    energy = Energy(powercap=tmp_path)
    for microjoules, joules in ((SPAN - 500_000, 0.5), (1_500_000, 2.5), (1_000_000_000, 1001)):
        file.write_text(str(microjoules))
        assert energy.read()["package-0"] == pytest.approx(joules)
    file.write_text("0")
    assert energy.read()["package-0"] == pytest.approx(1001 + (SPAN - 1_000_000_000) / 1e6)


def test_parts_of_a_package_and_what_is_more_than_the_cpu_are_left_out(tmp_path) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 0)
    zone(tmp_path, "intel-rapl:0:0", "core", 0)
    zone(tmp_path, "intel-rapl:0:1", "dram", 0)
    zone(tmp_path, "intel-rapl:1", "psys", 0)
    zone(tmp_path, "intel-rapl-mmio:0", "package-0", 0)
    (tmp_path / "intel-rapl").mkdir()
    assert Energy(powercap=tmp_path).read() == {"package-0": 0}


def unreadable(file: Path) -> None:
    """A folder in its place, since tests may run as root, who reads files of any mode."""
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize("name", ["energy_uj", "max_energy_range_uj", "name"])
def test_what_cannot_be_read_is_not_claimed(tmp_path, name) -> None:
    unreadable(zone(tmp_path, "intel-rapl:0", "package-0", 0).parent / name)
    zone(tmp_path, "intel-rapl:1", "package-1", 0)
    assert Energy(powercap=tmp_path).read() == {"package-1": 0}


@pytest.mark.parametrize("name", ["energy_uj", "max_energy_range_uj"])
def test_nor_is_what_is_no_number(tmp_path, name) -> None:
    (zone(tmp_path, "intel-rapl:0", "package-0", 0).parent / name).write_text("many\n")
    assert Energy(powercap=tmp_path).read() == {}


def test_a_counter_that_fails_later_is_not_reported_again(tmp_path) -> None:
    file = zone(tmp_path, "intel-rapl:0", "package-0", 0)
    energy = Energy(powercap=tmp_path)
    unreadable(file)
    assert energy.read() == {}
    file.rmdir()
    file.write_text("9000000")
    assert energy.read() == {}


class Nvml(ModuleType):
    """The four functions of nvidia-ml-py that are used, over counters of millijoules."""

    def __init__(self, **millijoules: int) -> None:
        super().__init__("pynvml")
        self.millijoules = millijoules

    def nvmlInit(self) -> None:  # noqa: N802  # NVML's names
        pass

    def nvmlDeviceGetHandleByIndex(self, index: int) -> str:  # noqa: N802  # NVML's names
        return list(self.millijoules)[index]

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> str:  # noqa: N802  # NVML's names
        return uuid

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: str) -> int:  # noqa: N802  # NVML's names
        return self.millijoules[handle]


@pytest.mark.parametrize(
    ("device", "visible", "spent"),
    [("cuda", None, {"cuda:0": 1}), ("cuda:1", None, {"cuda:1": 2}), ("cuda:0", "1", {"cuda:0": 2}), ("cuda", "GPUb", {"cuda:0": 2}), ("cuda:2", None, {})],
)
def test_a_cuda_device_is_asked_through_nvml(tmp_path, monkeypatch, device, visible, spent) -> None:
    nvml = Nvml(GPUa=500, GPUb=700)
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    energy = Energy(device, tmp_path)
    nvml.millijoules = {"GPUa": 1500, "GPUb": 2700}
    assert energy.read() == spent


def test_without_nvml_a_cuda_device_reports_nothing(tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert Energy("cuda:0", tmp_path).read() == {}


def test_a_cpu_does_not_ask_nvml(tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", Nvml(GPUa=500))
    assert Energy("cpu", tmp_path).read() == {}
