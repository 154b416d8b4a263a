"""Which build of the step in C runs where: told by what Linux says of the CPU."""

import platform
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from app.engine.native import builds as native
from tests.support.stores import tiny

V3 = "avx2 fma bmi1 bmi2 f16c movbe abm"
V4 = f"{V3} avx512f avx512bw avx512cd avx512dq avx512vl"


@pytest.fixture
def cpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """A CPU with these flags, where all builds are installed and permitted."""

    def made(flags: str, vendor: str = "AuthenticAMD") -> tuple[str, ...]:
        info = tmp_path / "cpuinfo"
        one = f"processor\t: 0\nvendor_id\t: {vendor}\nflags\t\t: {flags}\nbogomips\t: 1\n"
        info.write_text(f"{one}\n{one.replace(': 0', ': 1')}")
        monkeypatch.setattr(native, "CPUINFO", info)
        monkeypatch.setattr(native, "path_of", lambda build: tmp_path / build)
        monkeypatch.setattr(native, "permitted", lambda _: True)
        native.builds.cache_clear()
        return native.builds()

    yield made
    native.builds.cache_clear()


@pytest.mark.parametrize(
    ("flags", "builds"),
    [
        (f"fpu {V4} avx512_bf16 amx_bf16 amx_tile", ("amx_bf16", "avx512_bf16", "avx512", "avx2")),
        (f"fpu {V4} avx512_bf16 amx_tile", ("avx512_bf16", "avx512", "avx2")),
        (f"fpu {V4} avx512_vnni", ("avx512", "avx2")),
        (f"avx512f {V3}", ("avx2",)),
        ("avx2 fma bmi2", ()),
        ("", ()),
    ],
)
def test_a_cpu_runs_what_it_has_the_instructions_for(cpu, flags: str, builds: tuple[str, ...]) -> None:
    assert cpu(flags) == builds


def test_intels_multiply_vectors_of_bfloat16_slower_than_float32(cpu) -> None:
    assert cpu(f"fpu {V4} avx512_bf16", "GenuineIntel") == ("avx512", "avx2", "avx512_bf16")


def test_tiles_are_used_where_the_kernel_permits_them(cpu, monkeypatch: pytest.MonkeyPatch) -> None:
    cpu(f"{V4} avx512_bf16 amx_bf16 amx_tile", "GenuineIntel")
    monkeypatch.setattr(native, "permitted", lambda build: build != native.AMX)
    native.builds.cache_clear()
    assert native.build_for(tiny(9)) == "avx512"


def test_where_linux_does_not_tell_nothing_is_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(native, "CPUINFO", tmp_path / "none")
    native.builds.cache_clear()
    assert native.builds() == ()
    native.builds.cache_clear()


def test_what_was_not_built_is_not_run(cpu, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cpu(V4)
    monkeypatch.setattr(native, "path_of", lambda build: tmp_path / build if build == "avx2" else None)
    native.builds.cache_clear()
    assert native.build_for(tiny(9)) == "avx2"


PLAIN = {"box_shape": None, "num_heads": 3}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"pos_encodings": "learned"},
        {"gate": "sigmoid_norm"},
        {"mixer": "attention", **PLAIN},
        {"mixer": "attention", **PLAIN, "pos_encodings": "rope", "puzzle_emb_ndim": 48},
        {"mixer": "mlp", **PLAIN},
        {"mixer": "mlp", **PLAIN, "seq_len": 900, "puzzle_emb_ndim": 500, "puzzle_emb_len": 16, "num_puzzle_identifiers": 10**6, "swiglu_multiple": 16},
        {"mixer": "local", **PLAIN, "grid_shape": (9, 9)},
    ],
)
def test_it_is_for_architectures_that_it_knows(cpu, changes: dict[str, object]) -> None:
    cpu(V4)
    assert native.build_for(replace(tiny(9), **changes)) == "avx512"


@pytest.mark.parametrize(
    "changes",
    [
        {"hidden_size": 24},
        {"hidden_size": 96},
        {"swiglu_multiple": 1, "expansion": 2.2},
        {"vocab_size": 300},
        {"H_cycles": 2**32},
        {"seq_len": 20 * 20, "box_shape": (4, 5)},
        {"mixer": "attention", **PLAIN, "num_heads": 2},
        {"mixer": "attention", **PLAIN, "seq_len": 2**14},
        {"mixer": "mlp", **PLAIN, "seq_len": 75},
    ],
)
def test_and_for_no_others(cpu, changes: dict[str, object]) -> None:
    cpu(V4)
    assert native.build_for(replace(tiny(9), **changes)) is None


@pytest.mark.skipif(platform.machine() != "x86_64" or not shutil.which("cc"), reason="there is nothing to build it with, or for")
def test_where_there_is_a_compiler_all_are_built() -> None:
    assert [build for build in native.FEATURES if native.path_of(build)] == list(native.FEATURES)
