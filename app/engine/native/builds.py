"""Which builds of `step.c` this CPU can run, and for which models. Knows no weights; loads nothing.

They are there where a C compiler was when the package was installed, for x86-64 with AVX2 at least; elsewhere ONNX Runtime does the same step.
"""

import ctypes
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from math import isqrt
from pathlib import Path

from app.model.config import TRMConfig

V3, V4 = "avx2 fma bmi1 bmi2 f16c movbe abm", "avx512f avx512bw avx512cd avx512dq avx512vl"
"""What x86-64-v3 and v4 add that any compiler uses, as Linux names it."""
FEATURES = {
    "amx_bf16": f"{V3} {V4} avx512_bf16 amx_tile amx_bf16",
    "avx512_bf16": f"{V3} {V4} avx512_bf16",
    "avx512": f"{V3} {V4}",
    "avx2": V3,
}
"""What a CPU must have for each build of `step.c`, the quickest first on CPUs of AMD."""

AMX, ONLY_AMD = "amx_bf16", "avx512_bf16"
"""The build whose tiles the kernel must permit, and the one that Intel's CPUs run slower than float32: they multiply vectors of bfloat16 at half the rate."""
ARCH_PRCTL, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA = 158, 0x1023, 18

LARGEST_SIDE, HEAD, WHOLE = 16, 16, 16
"""SIDE of `mixers.h`, HEAD of `vectors.h`, and what the widths of its matrices must be multiples of."""

MIXERS = ("units", "local", "attention", "mlp")
"""As `model.h` numbers them."""

MOST = 2**14
"""Larger numbers could not be counted in C."""

CPUINFO = Path("/proc/cpuinfo")


@cache
def builds() -> tuple[str, ...]:
    """The builds that are installed and that this CPU can run, the quickest first."""
    lines = CPUINFO.read_text().splitlines() if CPUINFO.exists() else []
    flags, amd = next((set(line.split()) for line in lines if line.startswith("flags")), set[str]()), any("AuthenticAMD" in line for line in lines)
    found = (name for name, needs in FEATURES.items() if flags.issuperset(needs.split()) and path_of(name) and permitted(name))
    return tuple(sorted(found, key=lambda name: name == ONLY_AMD and not amd))


def permitted(build: str) -> bool:
    """Whether the kernel lets this process run a build; it is asked for tiles, 8 KB that it then keeps for each thread."""
    return build != AMX or ctypes.CDLL(None).syscall(ARCH_PRCTL, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0


def path_of(build: str) -> Path | None:
    """The library of a build; None where it was not built."""
    here = Path(__file__).parent
    return next((path for suffix in EXTENSION_SUFFIXES if (path := here / f"{build}{suffix}").exists()), None)


def build_for(config: TRMConfig) -> str | None:
    """The build that steps such a model here; None where there is none, or `step.c` does not know the architecture."""
    return next(iter(builds()), None) if known(config) else None


def known(config: TRMConfig) -> bool:
    """Whether `step.c` has all that the architecture asks for."""
    widths = [config.hidden_size, config.swiglu_size(config.hidden_size)]
    if config.mixer == "mlp":
        widths.append(config.swiglu_size(config.positions))
    if config.mixer == "attention":
        widths.append(config.head_dim)
    units = config.mixer != "units" or (config.head_dim == HEAD and isqrt(config.seq_len) <= LARGEST_SIDE)
    small = max(config.L_layers, config.H_cycles, config.L_cycles, config.positions, *widths) < MOST
    return units and small and all(width % WHOLE == 0 for width in widths) and config.vocab_size <= 256
