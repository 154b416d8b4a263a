"""What kustomize makes of each overlay, as objects, and of `cpu` with a managed Redis."""

import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.deploy.tools import PROJECT, tool

OVERLAYS = [path.name for path in sorted((PROJECT / "k8s" / "overlays").iterdir())]
MANAGED = "cpu with managed-redis"
VARIANTS = [*OVERLAYS, MANAGED]
Object = dict[str, Any]


@cache
def rendered(variant: str) -> str:
    """The YAML of a variant."""
    folder = PROJECT / "k8s" / "overlays" / variant
    if variant == MANAGED:
        folder = PROJECT / ".deploy" / "managed"
        folder.mkdir(exist_ok=True)
        lines = ("resources: [../../k8s/overlays/cpu]", "components: [../../k8s/components/managed-redis]")
        (folder / "kustomization.yaml").write_text("\n".join(lines) + "\n")
    made = subprocess.run([tool("kubectl"), "kustomize", str(folder)], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    assert not made.stderr, made.stderr  # it warns of what is deprecated
    return made.stdout


def objects(variant: str, kind: str = "") -> list[Object]:
    """Its objects, all or of one kind."""
    return [each for each in yaml.safe_load_all(rendered(variant)) if kind in ("", each["kind"])]


def workloads(variant: str) -> list[Object]:
    return objects(variant, "Deployment") + objects(variant, "StatefulSet")


def pod(workload: Object) -> Object:
    return dict(workload["spec"]["template"]["spec"])


def container(workload: Object) -> Object:
    return dict(pod(workload)["containers"][0])


def written(variant: str, folder: Path) -> Path:
    """The YAML in a file, for tools that read one."""
    path = folder / f"{variant.replace(' ', '-')}.yaml"
    path.write_text(rendered(variant))
    return path
