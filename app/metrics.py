"""Every Prometheus series of the service, in one registry of the API process. Knows names and buckets; decides nothing.

Workers have no registry: what they measure comes over the pipe. Label values come from closed sets, never from a client.
"""

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import accumulate

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from app.errors import (
    BodyNotJSON,
    DeadlineExceeded,
    Draining,
    Forbidden,
    InvalidPuzzle,
    InvalidRequest,
    JobsUnavailable,
    KeyReused,
    NoWorker,
    QueueFull,
    QuotaExceeded,
    RateLimited,
    StepFailed,
    Unauthorized,
    UnknownJob,
    UnknownModel,
    UnknownPuzzle,
    UnsupportedMediaType,
    WorkerLost,
)

STEP_BUCKETS = (0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
REQUEST_BUCKETS = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
DEPTH_BUCKETS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 24, 32, 48, 64, 96, 128, 256, 512)
SIZE_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
ATTEMPT_BUCKETS = (1, 2, 3, 4, 6, 8, 12, 16, 32)

OUTCOMES = ("solved", "unsolved", "expired", "abandoned", "failed")
REASONS = ("verified", "learned", "max_steps", "deadline")
FAULTS = ("raised", "not_finite")
CACHE_RESULTS = ("hit", "miss", "coalesced", "bypass")
CACHE_ERRORS = ("timeout", "connection", "permission", "refused", "value")


class Joules(Collector):
    """The energy series, read when Prometheus asks; there is none where `read` reports no device."""

    def __init__(self, read: Callable[[], Mapping[str, float]]) -> None:
        self.read = read

    def collect(self) -> Iterator[CounterMetricFamily]:
        """The series at this moment."""
        family = CounterMetricFamily("trm_energy_joules", "Energy that a whole device spent since the server started, whoever used it.", labels=["device"])
        for device, joules in self.read().items():
            family.add_metric([device], joules)
        if family.samples:
            yield family


class Tally(Collector):
    """A counter that one thread counts on several times for each puzzle: the library's takes several times as long, for locks that nobody needs here."""

    def __init__(self, name: str, documentation: str, labels: Sequence[str] = (), *, registry: CollectorRegistry) -> None:
        self.name, self.documentation, self.label_names = name, documentation, labels
        self.values = dict[tuple[str, ...], float]()
        if not labels:
            self.known()
        registry.register(self)

    def known(self, *labels: str) -> None:
        """Have a series of these labels, from now on."""
        self.values.setdefault(labels, 0.0)

    def inc(self, *labels: str, by: float = 1.0) -> None:
        """Count one more, or `by`."""
        self.values[labels] = self.values.get(labels, 0.0) + by

    def collect(self) -> Iterator[CounterMetricFamily]:
        """The series as Prometheus knows them."""
        family = CounterMetricFamily(self.name, self.documentation, labels=self.label_names)
        for labels, value in self.values.items():
            family.add_metric(labels, value)
        yield family


class Distribution(Collector):
    """A histogram of the same kind."""

    def __init__(self, name: str, documentation: str, labels: Sequence[str] = (), *, buckets: Sequence[float], registry: CollectorRegistry) -> None:
        self.name, self.documentation, self.label_names, self.bounds = name, documentation, labels, (*buckets, math.inf)
        self.series = dict[tuple[str, ...], list[float]]()
        if not labels:
            self.known()
        registry.register(self)

    def known(self, *labels: str) -> list[float]:
        """The series of these labels, from now on: how many observations each bucket has of its own, and their sum."""
        return self.series.setdefault(labels, [0.0] * (len(self.bounds) + 1))

    def observe(self, value: float, *labels: str) -> None:
        """Count a value."""
        series = self.series.get(labels) or self.known(*labels)
        series[bisect_left(self.bounds, value)] += 1
        series[-1] += value

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """The series as Prometheus knows them: each bucket with all smaller ones."""
        family = HistogramMetricFamily(self.name, self.documentation, labels=self.label_names)
        for labels, (*counts, total) in self.series.items():
            family.add_metric(labels, list(zip(map(floatToGoString, self.bounds), accumulate(counts), strict=True)), total)
        yield family


class Metrics:
    """The series, ready to be counted on; `render` writes them in the text format."""

    def __init__(self, models: tuple[str, ...] = (), energy: Callable[[], Mapping[str, float]] = dict) -> None:
        """`energy`: joules by device since the start, empty where the machine does not tell."""
        self.registry = registry = CollectorRegistry()
        self.http_requests = Tally("trm_http_requests_total", "HTTP requests answered.", ["route", "method", "code"], registry=registry)
        self.client_requests = Tally(
            "trm_client_requests_total",
            "Requests with an API key that is known, by its name and whether its rate let them in.",
            ["client", "outcome"],
            registry=registry,
        )
        self.http_duration = Distribution(
            "trm_http_request_duration_seconds", "Time from request to response.", ["route"], buckets=REQUEST_BUCKETS, registry=registry
        )
        self.waiting = Gauge("trm_requests_waiting", "Puzzles that wait beyond those that workers run or start next.", registry=registry)
        self.running = Gauge("trm_requests_running", "Puzzles that workers run or start next.", registry=registry)
        self.queue_capacity = Gauge("trm_queue_capacity", "Most puzzles that may wait.", registry=registry)
        self.batch_puzzles = Gauge("trm_batch_puzzles", "Puzzles of the batches that are open.", registry=registry)
        self.slots = Gauge("trm_slots", "Slots of all workers and models.", registry=registry)
        self.finished = Tally("trm_requests_finished_total", "Puzzles that left the pool.", ["model", "outcome"], registry=registry)
        self.rejected = Tally("trm_requests_rejected_total", "Requests refused, by problem type.", ["reason"], registry=registry)
        self.queue_duration = Distribution(
            "trm_request_queue_duration_seconds", "Time from admission to the first slot.", buckets=REQUEST_BUCKETS, registry=registry
        )
        self.solve_duration = Distribution(
            "trm_request_solve_duration_seconds", "Time from the first slot to the answer.", ["model"], buckets=REQUEST_BUCKETS, registry=registry
        )
        self.step_duration = Distribution(
            "trm_step_duration_seconds", "Duration of one step of a batch.", ["model", "device"], buckets=STEP_BUCKETS, registry=registry
        )
        self.step_size = Distribution("trm_step_batch_size", "Puzzles in one step.", ["model"], buckets=SIZE_BUCKETS, registry=registry)
        self.step_faults = Tally("trm_step_faults_total", "Puzzles that a step failed on, by how.", ["model", "kind"], registry=registry)
        self.halting_steps = Distribution(
            "trm_halting_steps", "Steps until a puzzle halted, over all attempts.", ["model", "reason"], buckets=DEPTH_BUCKETS, registry=registry
        )
        self.attempts = Distribution("trm_attempts", "Attempts that a puzzle took.", ["model"], buckets=ATTEMPT_BUCKETS, registry=registry)
        self.verified = Tally("trm_verified_total", "Answers by what the rule check says of them.", ["model", "verified"], registry=registry)
        self.worker_up = Gauge("trm_worker_up", "Whether a worker is ready.", ["worker", "device"], registry=registry)
        self.worker_restarts = Tally("trm_worker_restarts_total", "Workers replaced, by why.", ["reason"], registry=registry)
        last_step = Gauge("trm_worker_last_step_timestamp_seconds", "When a worker last stepped, Unix time.", ["worker"], registry=registry)
        self.worker_last_step = cache(last_step.labels)  # which the library would look for under a lock, for every message of a worker
        self.cache_requests = Tally("trm_cache_requests_total", "Solves by what the cache had to say.", ["result"], registry=registry)
        self.cache_duration = Distribution(
            "trm_cache_operation_duration_seconds", "Duration of cache operations.", ["op"], buckets=STEP_BUCKETS, registry=registry
        )
        self.cache_errors = Tally(
            "trm_cache_errors_total", "Failed operations of the shared cache, and values in it that are no answers.", ["kind"], registry=registry
        )
        self.cache_breaker_open = Gauge("trm_cache_breaker_open", "Whether the shared cache is passed over until it answers again.", registry=registry)
        self.coalesced = Tally("trm_coalesced_requests_total", "Requests that shared the solve of an equal puzzle in flight.", registry=registry)
        self.jobs_created = Tally("trm_jobs_created_total", "Jobs that were accepted.", registry=registry)
        self.jobs_finished = Tally("trm_jobs_finished_total", "Jobs that have ended, by how.", ["status"], registry=registry)
        self.jobs_puzzles = Tally("trm_jobs_puzzles_total", "Puzzles of jobs that have their result, by its kind.", ["outcome"], registry=registry)
        self.jobs_redelivered = Tally("trm_jobs_redelivered_total", "Puzzles of jobs that were taken again.", registry=registry)
        self.jobs_dead_letters = Tally("trm_jobs_dead_letters_total", "Puzzles of jobs that were given up after too many deliveries.", registry=registry)
        self.jobs_held = Gauge("trm_jobs_held", "Puzzles of jobs that this server works on.", registry=registry)
        self.jobs_pending = Gauge("trm_jobs_pending", "Puzzles without a result, of all open jobs in the store.", registry=registry)
        self.jobs_oldest = Gauge("trm_jobs_oldest_age_seconds", "Age of the oldest open job in the store.", registry=registry)
        self.jobs_store_up = Gauge("trm_jobs_store_up", "Whether the store of jobs answered last time.", registry=registry)
        self.model_info = Gauge("trm_model_info", "Models served; always 1.", ["model", "version", "family"], registry=registry)
        registry.register(Joules(energy))
        self._initialise(models)

    def _initialise(self, models: tuple[str, ...]) -> None:
        """Create the known label sets, so that rates start from a zero and not from nothing."""
        for model in models:
            for each in (self.solve_duration, self.step_size, self.attempts):
                each.known(model)
            for outcome in OUTCOMES:
                self.finished.known(model, outcome)
            for reason in REASONS:
                self.halting_steps.known(model, reason)
            for kind in FAULTS:
                self.step_faults.known(model, kind)
            for verified in ("true", "false"):
                self.verified.known(model, verified)
        for refusal in (
            InvalidRequest,
            InvalidPuzzle,
            BodyNotJSON,
            UnsupportedMediaType,
            Unauthorized,
            Forbidden,
            RateLimited,
            UnknownModel,
            UnknownPuzzle,
            QueueFull,
            Draining,
            NoWorker,
            WorkerLost,
            StepFailed,
            DeadlineExceeded,
            KeyReused,
            UnknownJob,
            QuotaExceeded,
            JobsUnavailable,
        ):
            self.rejected.known(refusal.type)
        closed: tuple[tuple[Tally | Distribution, tuple[str, ...]], ...] = (
            (self.cache_requests, CACHE_RESULTS),
            (self.cache_errors, CACHE_ERRORS),
            (self.cache_duration, ("get", "set")),
            (self.worker_restarts, ("died", "failed")),
            (self.jobs_finished, ("completed", "failed", "cancelled")),
            (self.jobs_puzzles, ("solved", "unsolved", "failed")),
        )
        for series, values in closed:
            for value in values:
                series.known(value)

    def know_clients(self, names: Iterable[str]) -> None:
        """Name the clients that there are: the only ones that are ever labels."""
        for name in names:
            for outcome in ("allowed", "limited"):
                self.client_requests.known(name, outcome)

    def stepped(self, worker: str, device: str, model: str, steps: Sequence[tuple[int, float]]) -> None:
        """Steps were run, each on so many slots and taking so many seconds; one on no slots was none."""
        for size, seconds in steps:
            if size:
                self.step_duration.observe(seconds, model, device)
                self.step_size.observe(size, model)
        if any(size for size, _ in steps):
            self.worker_last_step(worker).set_to_current_time()

    def render(self) -> bytes:
        """All series in Prometheus' text format."""
        return generate_latest(self.registry)
