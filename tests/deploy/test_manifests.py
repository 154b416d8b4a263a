"""The Kubernetes manifests: valid, restricted, and in agreement with the service and with each other."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from app.settings import Settings
from tests.deploy.manifests import MANAGED, VARIANTS, container, objects, pod, workloads, written
from tests.deploy.tools import PROJECT, needs, tool

pytestmark = needs("kubectl")

CUSTOM = {
    "ScaledObject": ("@kubernetes-models/keda/keda.sh/v1alpha1", "IScaledObject"),
    "ServiceMonitor": ("@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1", "IServiceMonitor"),
    "PrometheusRule": ("@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1", "IPrometheusRule"),
}
"""Types of the custom resources: kubernetes-validate knows only Kubernetes' own."""

SKIPPED = {
    "CKV_K8S_43": "images by digest: the digest is known where the image is pushed, and kustomize's `images` takes one",
    "CKV_K8S_35": "secrets as files: the service reads its settings from the environment, once, and the variables name no file",
    "CKV_K8S_153": "annotation snippets: of the NGINX controller; the example is for HAProxy's",
}
SKIPPED_IN_DEV = {"CKV_K8S_15": "pull always: the image of dev is loaded by hand"}
SERVERS = [variant for variant in VARIANTS if variant != "monitoring"]


@needs("kubernetes-validate")
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_object_is_strictly_valid(variant: str, tmp_path: Path) -> None:
    checked = subprocess.run([tool("kubernetes-validate"), "--strict", written(variant, tmp_path)], capture_output=True, text=True, check=False)
    said = (checked.stdout + checked.stderr).splitlines()
    assert checked.returncode == 0, said
    unknown = [line for line in said if line.startswith("WARN") and not any(f"kind {kind} " in line for kind in CUSTOM)]
    assert not unknown
    assert len([line for line in said if "passed for resource" in line]) == len([each for each in objects(variant) if each["kind"] not in CUSTOM])


@pytest.mark.skipif(not (PROJECT / ".deploy/node_modules").exists() or not shutil.which("node"), reason="`make deploy-check` installs the types")
def test_custom_resources_have_the_types_of_their_definitions(tmp_path: Path) -> None:
    """As TypeScript literals, in which an unknown field is an error as well as a missing or wrong one."""
    found = [each for variant in ("keda", "monitoring") for each in objects(variant) if each["kind"] in CUSTOM]
    assert {each["kind"] for each in found} == set(CUSTOM)
    lines = [f'import {{ {name} }} from "{module}/{kind}";' for kind, (module, name) in CUSTOM.items()]
    lines += [f"export const object{number}: {CUSTOM[each['kind']][1]} = {json.dumps(each)};" for number, each in enumerate(found)]
    wrong = json.loads(json.dumps(found[0]))
    wrong["spec"]["noSuchField"] = 1
    assert _compiled(lines, tmp_path) == ""
    assert "noSuchField" in _compiled([*lines, f"export const wrong: {CUSTOM[wrong['kind']][1]} = {json.dumps(wrong)};"], tmp_path)


def _compiled(lines: list[str], folder: Path) -> str:
    (folder / "objects.ts").write_text("\n".join(lines))
    if not (folder / "node_modules").exists():
        (folder / "node_modules").symlink_to(PROJECT / ".deploy" / "node_modules")
    options = ["--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "--moduleResolution", "nodenext", "--target", "es2022", "--types"]
    compiler = PROJECT / ".deploy" / "node_modules" / ".bin" / "tsc"
    return subprocess.run([compiler, *options, "", "objects.ts"], cwd=folder, capture_output=True, text=True, check=False).stdout


@needs("checkov")
@pytest.mark.parametrize("variant", SERVERS)
def test_checkov_finds_nothing_but_what_is_excused(variant: str, tmp_path: Path) -> None:
    excused = SKIPPED | (SKIPPED_IN_DEV if variant == "dev" else {})
    options = ("--framework", "kubernetes", "--skip-check", ",".join(excused), "--skip-download", "--compact", "--quiet", "--output", "json")
    checked = subprocess.run([tool("checkov"), "--file", str(written(variant, tmp_path)), *options], capture_output=True, text=True, check=False)
    result = json.loads(checked.stdout)
    assert [(each["check_id"], each["resource"]) for each in result["results"]["failed_checks"]] == []
    assert result["summary"]["passed"] > 100


@pytest.mark.parametrize("variant", SERVERS)
def test_every_pod_is_restricted(variant: str) -> None:
    for workload in workloads(variant):
        assert pod(workload)["securityContext"]["runAsNonRoot"] is True
        assert pod(workload)["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod(workload)["automountServiceAccountToken"] is False
        assert pod(workload)["enableServiceLinks"] is False, "they would set TRM_… variables"
        assert container(workload)["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


@pytest.mark.parametrize("variant", SERVERS)
def test_every_variable_is_a_setting(variant: str) -> None:
    given = {name for each in objects(variant, "ConfigMap") for name in each["data"]}
    for workload in workloads(variant):
        given |= {each["name"] for each in container(workload)["env"]}
    assert {name.removeprefix("TRM_").lower() for name in given if name.startswith("TRM_")} <= Settings.model_fields.keys()
    values = {name: value for each in objects(variant, "ConfigMap") for name, value in each["data"].items()}
    Settings(**{name.removeprefix("TRM_").lower(): value for name, value in values.items()})


@pytest.mark.parametrize("variant", SERVERS)
def test_a_pod_has_the_time_to_end(variant: str) -> None:
    values = {name: float(value) for each in objects(variant, "ConfigMap") for name, value in each["data"].items() if name.endswith("_SECONDS")}
    for workload in objects(variant, "Deployment"):
        sleep = container(workload).get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        needed = sleep + values["TRM_DRAIN_SECONDS"] + values["TRM_SHUTDOWN_SECONDS"] + 5
        assert pod(workload)["terminationGracePeriodSeconds"] >= needed + 5


@pytest.mark.parametrize("variant", SERVERS)
def test_liveness_is_more_patient_than_the_watchdog(variant: str) -> None:
    for workload in objects(variant, "Deployment"):
        probe = container(workload)["livenessProbe"]
        assert probe["periodSeconds"] * probe["failureThreshold"] > Settings.model_fields["stall_seconds"].default


@pytest.mark.parametrize("variant", SERVERS)
def test_an_update_takes_no_pod_away_before_a_new_one_is_ready(variant: str) -> None:
    for workload in objects(variant, "Deployment"):
        assert workload["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}


@pytest.mark.parametrize("variant", SERVERS)
def test_what_an_autoscaler_owns_is_set_by_nobody_else(variant: str) -> None:
    scaled = {each["spec"]["scaleTargetRef"]["name"]: each for kind in ("HorizontalPodAutoscaler", "ScaledObject") for each in objects(variant, kind)}
    for workload in objects(variant, "Deployment"):
        assert ("replicas" in workload["spec"]) == (workload["metadata"]["name"] not in scaled)
    for each in scaled.values():
        behavior = each["spec"].get("behavior") or each["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
        assert behavior["scaleDown"]["stabilizationWindowSeconds"] >= 300


def test_selectors_find_their_pods() -> None:
    for variant in SERVERS:
        labels = [workload["spec"]["template"]["metadata"]["labels"] for workload in workloads(variant)]
        chosen = [each["spec"]["selector"] for each in objects(variant, "Service")]
        chosen += [each["spec"]["selector"]["matchLabels"] for each in objects(variant, "PodDisruptionBudget")]
        for selector in chosen:
            assert [each for each in labels if selector.items() <= each.items()], (variant, selector)
    (monitor,) = objects("monitoring", "ServiceMonitor")
    found = [each for each in objects("cpu", "Service") if monitor["spec"]["selector"]["matchLabels"].items() <= each["metadata"]["labels"].items()]
    scraped = [each["metadata"]["name"] for each in found if monitor["spec"]["endpoints"][0]["port"] in {port["name"] for port in each["spec"]["ports"]}]
    assert scraped == ["trm-api", "trm-worker"]


def test_a_managed_redis_leaves_none_of_the_trial_one() -> None:
    assert not [each for each in objects(MANAGED) if each["metadata"]["name"].startswith("redis")]


def test_a_gpu_pod_has_one_gpu_and_one_worker() -> None:
    for workload in objects("gpu", "Deployment"):
        assert container(workload)["resources"]["limits"]["nvidia.com/gpu"] == "1"
        assert {"name": "TRM_WORKERS", "value": "1"} in container(workload)["env"]
        assert container(workload)["image"].endswith("-cuda")
        assert pod(workload)["tolerations"][0]["key"] == "nvidia.com/gpu"


def test_no_secret_is_written_down() -> None:
    for variant in VARIANTS:
        assert not objects(variant, "Secret")
    example = dict(line.split("=", 1) for line in (PROJECT / ".env.example").read_text().splitlines() if line and not line.startswith("#"))
    assert set(example) == {"REDIS_PASSWORD", "GRAFANA_PASSWORD"}
    assert not any(example.values())


@needs("hadolint")
def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    checked = subprocess.run([tool("hadolint"), "Dockerfile"], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout) == (0, "")


@needs("compose-lint", "podman-compose")
def test_the_compose_file_is_valid_and_has_no_serious_finding(tmp_path: Path) -> None:
    linted = subprocess.run([tool("compose-lint"), "docker-compose.yml"], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert linted.returncode == 0, linted.stdout
    (tmp_path / "env").write_text("REDIS_PASSWORD=x\nGRAFANA_PASSWORD=y\n")
    services = yaml.safe_load(_composed("--env-file", str(tmp_path / "env"), "--profile", "gpu", "--profile", "workers").stdout)["services"]
    assert set(services) == {"api", "api-gpu", "worker", "redis-cache", "redis-jobs", "prometheus", "grafana"}
    for name, service in services.items():
        assert (service["read_only"], service["cap_drop"], service["restart"]) == (True, ["ALL"], "unless-stopped"), name
        limits = service["deploy"]["resources"]["limits"]
        assert limits["memory"], name
        assert float(limits["cpus"]) <= 2, f"{name}: Docker refuses limits beyond the machine's cores"
        settings = {each.removeprefix("TRM_").lower() for each in service.get("environment", {}) if each.startswith("TRM_")}
        assert settings <= Settings.model_fields.keys(), name


def test_every_variable_of_the_compose_file_is_in_the_example() -> None:
    asked = set(re.findall(r"\$\{(\w+)", (PROJECT / "docker-compose.yml").read_text()))
    example = {line.removeprefix("#").partition("=")[0] for line in (PROJECT / ".env.example").read_text().splitlines() if re.match(r"#?[A-Z_]+=", line)}
    assert asked == example


@needs("podman-compose")
def test_the_stack_does_not_start_without_passwords() -> None:
    refused = _composed("--env-file", "/dev/null")
    assert refused.returncode != 0
    assert "set it in .env" in refused.stdout + refused.stderr


def _composed(*options: str) -> "subprocess.CompletedProcess[str]":
    kept = {name: value for name, value in os.environ.items() if not name.endswith("_PASSWORD")}
    return subprocess.run([tool("podman-compose"), "--dry-run", *options, "config"], cwd=PROJECT, env=kept, capture_output=True, text=True, check=False)
