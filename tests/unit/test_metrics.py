"""The series that Prometheus reads."""

import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from app.metrics import Distribution, Metrics, Tally


def samples(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """All samples by name and labels, as Prometheus would read them."""
    families = text_string_to_metric_families(metrics.render().decode())
    return {(sample.name, tuple(sorted(sample.labels.items()))): sample.value for family in families for sample in family.samples}


def value(metrics: Metrics, name: str, **labels: str) -> float:
    return samples(metrics)[name, tuple(sorted(labels.items()))]


@pytest.mark.parametrize("outcome", ["solved", "unsolved", "expired", "abandoned", "failed"])
def test_every_outcome_of_every_model_starts_at_zero(outcome) -> None:
    metrics = Metrics(("a", "b"))
    assert [value(metrics, "trm_requests_finished_total", model=model, outcome=outcome) for model in "ab"] == [0, 0]


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        *(("trm_halting_steps_count", {"model": "a", "reason": reason}) for reason in ("verified", "learned", "max_steps", "deadline")),
        *(("trm_verified_total", {"model": "a", "verified": verified}) for verified in ("true", "false")),
        *(("trm_cache_requests_total", {"result": result}) for result in ("hit", "miss", "coalesced", "bypass")),
        *(("trm_cache_errors_total", {"kind": kind}) for kind in ("timeout", "connection", "permission", "refused", "value")),
        *(("trm_cache_operation_duration_seconds_count", {"op": op}) for op in ("get", "set")),
        ("trm_cache_breaker_open", {}),
        *(("trm_worker_restarts_total", {"reason": reason}) for reason in ("died", "failed")),
        ("trm_coalesced_requests_total", {}),
    ],
)
def test_every_known_label_set_starts_at_zero(name, labels) -> None:
    assert value(Metrics(("a",)), name, **labels) == 0


def test_a_step_is_counted_by_model_and_device() -> None:
    metrics = Metrics(("a",))
    metrics.stepped("0", "cpu", "a", [(3, 0.0004)])
    assert value(metrics, "trm_step_duration_seconds_count", model="a", device="cpu") == 1
    assert value(metrics, "trm_step_duration_seconds_bucket", model="a", device="cpu", le="0.00025") == 0
    assert value(metrics, "trm_step_duration_seconds_bucket", model="a", device="cpu", le="0.0005") == 1
    assert value(metrics, "trm_step_batch_size_sum", model="a") == 3
    assert value(metrics, "trm_worker_last_step_timestamp_seconds", worker="0") > 1_700_000_000


def test_a_step_that_ran_nothing_is_not_counted() -> None:
    metrics = Metrics(("a",))
    metrics.stepped("0", "cpu", "a", [(0, 0.0)])
    assert not [name for name, _ in samples(metrics) if name == "trm_step_duration_seconds_count"]


def test_depths_have_a_bucket_for_every_small_count_of_steps() -> None:
    edges = [dict(labels)["le"] for name, labels in samples(Metrics(("a",))) if name == "trm_halting_steps_bucket" and ("reason", "verified") in labels]
    assert edges[:6] == ["1.0", "2.0", "3.0", "4.0", "5.0", "6.0"]
    assert float(edges[-2]) >= 256


def test_requests_have_a_bucket_edge_at_a_tenth_of_a_second() -> None:
    metrics = Metrics()
    metrics.http_duration.observe(0.1, "/v1/solve")
    assert value(metrics, "trm_http_request_duration_seconds_bucket", route="/v1/solve", le="0.1") == 1
    assert value(metrics, "trm_http_request_duration_seconds_bucket", route="/v1/solve", le="0.05") == 0


def test_a_distribution_is_what_the_library_makes_of_the_same_values() -> None:
    ours, theirs, bounds = CollectorRegistry(), CollectorRegistry(), (0.1, 1, 2.5)
    distribution = Distribution("trm_some_seconds", "Some.", ["kind"], buckets=bounds, registry=ours)
    histogram = Histogram("trm_some_seconds", "Some.", ["kind"], buckets=bounds, registry=theirs)
    for value in (0, 0.1, 0.10001, 1, 2.4, 2.5, 7, -1, 1e9):
        for kind in ("a", 'b "quoted"'):
            distribution.observe(value, kind)
            histogram.labels(kind).observe(value)
    distribution.known("c")
    histogram.labels("c")
    expected = [line for line in generate_latest(theirs).decode().splitlines() if "_created" not in line]
    assert generate_latest(ours).decode().splitlines() == expected


def test_a_tally_is_what_the_library_makes_of_the_same_counts() -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    tally, alone = Tally("trm_some_total", "Some.", ["kind", "code"], registry=ours), Tally("trm_lone_total", "One.", registry=ours)
    counter, single = Counter("trm_some_total", "Some.", ["kind", "code"], registry=theirs), Counter("trm_lone_total", "One.", registry=theirs)
    for kind, by in (("a", 1), ('b "quoted"', 2.5), ("a", 0), ("b\\", 1e9)):
        tally.inc(kind, "200", by=by)
        counter.labels(kind, "200").inc(by)
    tally.known("c", "503")
    counter.labels("c", "503")
    assert "trm_lone_total 0.0" in generate_latest(ours).decode()
    alone.inc()
    single.inc()
    assert generate_latest(ours).decode().splitlines() == [line for line in generate_latest(theirs).decode().splitlines() if "_created" not in line]


def test_one_without_labels_begins_with_zeros() -> None:
    assert value(Metrics(), "trm_request_queue_duration_seconds_bucket", le="+Inf") == 0


def test_every_series_carries_the_prefix_and_says_what_it_is() -> None:
    for family in text_string_to_metric_families(Metrics(("a",)).render().decode()):
        assert family.name.startswith("trm_")
        assert family.documentation.endswith(".")


def test_energy_is_read_when_it_is_asked_for_and_absent_where_nothing_reports_it() -> None:
    spent: dict[str, float] = {}
    metrics = Metrics(("a",), lambda: spent)
    assert "energy" not in metrics.render().decode()
    spent |= {"package-0": 2.5, "cuda:0": 10}
    assert value(metrics, "trm_energy_joules_total", device="package-0") == 2.5
    spent["package-0"] = 3
    assert value(metrics, "trm_energy_joules_total", device="package-0") == 3
    assert value(metrics, "trm_energy_joules_total", device="cuda:0") == 10


def test_two_services_in_one_process_count_apart() -> None:
    first, second = Metrics(("a",)), Metrics(("a",))
    first.finished.inc("a", "solved")
    assert value(second, "trm_requests_finished_total", model="a", outcome="solved") == 0
