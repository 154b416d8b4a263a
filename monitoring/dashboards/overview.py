"""The dashboard *Overview*: is the service keeping its promises, what is asked of it, where does the time go."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from monitoring.dashboards.panels import ERRORS, INSTANCE, MODEL, PUZZLES, board, lines, number, quantiles

RED, AMBER, GREEN = "red", "orange", "green"
SOLVES = f'route="/v1/solve",{INSTANCE}'

OBJECTIVES = [
    number(
        "Solves within 1 s",
        "percentunit",
        "1 - trm:slow_solves:ratio_rate1h",
        "Of POST /v1/solve in the last hour, all instances. The objective is 99 %.",
        first=RED,
        limits=[(0.95, AMBER), (0.99, GREEN)],
    ),
    number(
        "Requests without an error of ours",
        "percentunit",
        "1 - trm:failed_requests:ratio_rate1h",
        "No 5xx but 503, in the last hour, all instances. The objective is 99.9 %.",
        first=RED,
        limits=[(0.99, AMBER), (0.999, GREEN)],
    ),
    number(
        "Refused for a full queue",
        "percentunit",
        f'sum(rate(trm_requests_rejected_total{{reason="queue-full",{INSTANCE}}}[$__rate_interval]))'
        f' / sum(rate(trm_http_requests_total{{route=~"/v1/solve.*|/v2/.+/infer",{INSTANCE}}}[$__rate_interval]))',
        "Above 1 % there is more to do than the workers can: scale out.",
        limits=[(0.001, AMBER), (0.01, RED)],
    ),
    number(
        "Ready workers", "short", f"sum(trm_worker_up{{{INSTANCE}}})", "Worker processes that have run a real step and live.", first=RED, limits=[(1, GREEN)]
    ),
    number(
        "Puzzles solved",
        PUZZLES,
        f'sum(rate(trm_requests_finished_total{{outcome="solved",{MODEL}}}[$__rate_interval]))',
        "By the model; answers from the cache are not among them.",
    ),
    number(
        "Queue used",
        "percentunit",
        f"max(trm_requests_waiting{{{INSTANCE}}} / trm_queue_capacity{{{INSTANCE}}})",
        "Of its capacity, at the fullest instance. At 100 % requests are refused.",
        limits=[(0.25, AMBER), (0.75, RED)],
    ),
]

TRAFFIC = [
    lines("Time to answer, single solves", "s", quantiles("trm_http_request_duration_seconds", SOLVES), "The dashed line is the objective.", limits=[(1, RED)]),
    lines(
        "Requests",
        "reqps",
        {"{{route}}": f"sum by (route) (rate(trm_http_requests_total{{{INSTANCE}}}[$__rate_interval]))"},
        "By route; probes and scrapes are among them.",
        stacked=True,
    ),
    lines(
        "Responses",
        "reqps",
        {"{{code}}": f'sum by (code) (rate(trm_http_requests_total{{route=~"/v1/.+|/v2/.+/infer",{INSTANCE}}}[$__rate_interval]))'},
        "Of the solving routes, by status. 499: the client left before its answer.",
        stacked=True,
    ),
    lines(
        "Refusals",
        "reqps",
        {"{{reason}}": f"sum by (reason) (rate(trm_requests_rejected_total{{{INSTANCE}}}[$__rate_interval]))"},
        "By problem type. queue-full and deadline: overload; invalid-…: the clients' own.",
    ),
    lines(
        "Puzzles finished",
        PUZZLES,
        {"{{outcome}}": f"sum by (outcome) (rate(trm_requests_finished_total{{{MODEL}}}[$__rate_interval]))"},
        "By outcome. expired: waited past the deadline; abandoned: the client left.",
        stacked=True,
    ),
    lines(
        "Time in the model",
        "s",
        quantiles("trm_request_solve_duration_seconds", MODEL),
        "From the first slot to the answer.",
    ),
]

SCHEDULER = [
    lines(
        "Waiting",
        "short",
        {"{{instance}}": f"sum by (instance) (trm_requests_waiting{{{INSTANCE}}})"},
        "Puzzles beyond those that workers run or start next. From the dashed line on the autoscaler adds CPU pods.",
        limits=[(32, AMBER)],
    ),
    lines(
        "Running",
        "short",
        {"running": f"sum(trm_requests_running{{{INSTANCE}}})", "of open batches": f"sum(trm_batch_puzzles{{{INSTANCE}}})"},
        "Puzzles that workers run or start next, and puzzles of the batches that are open.",
    ),
    lines("Time in the queue", "s", quantiles("trm_request_queue_duration_seconds", INSTANCE), "From admission to the first slot."),
    lines("Workers up", "short", {"{{instance}}": f"sum by (instance) (trm_worker_up{{{INSTANCE}}})"}, "By instance.", limits=[(1, GREEN)]),
    lines(
        "Workers replaced",
        "short",
        {"{{reason}}": f"sum by (reason) (increase(trm_worker_restarts_total{{{INSTANCE}}}[$__rate_interval]))"},
        "died: the process ended or was silent; failed: its steps failed.",
        limits=[(2, RED)],
    ),
    lines(
        "Age of the last step",
        "s",
        {"{{instance}} {{worker}}": f"time() - max by (instance, worker) (trm_worker_last_step_timestamp_seconds{{{INSTANCE}}})"},
        "Grows while there is nothing to do. With puzzles running it must not.",
    ),
]

CACHE = [
    lines(
        "Solves by the cache's word",
        "reqps",
        {"{{result}}": f"sum by (result) (rate(trm_cache_requests_total{{{INSTANCE}}}[$__rate_interval]))"},
        "coalesced: joined an equal puzzle in flight.",
        stacked=True,
    ),
    lines(
        "Answered without the model",
        "percentunit",
        {
            "share": f'sum(rate(trm_cache_requests_total{{result=~"hit|coalesced",{INSTANCE}}}[$__rate_interval]))'
            f" / sum(rate(trm_cache_requests_total{{{INSTANCE}}}[$__rate_interval]))"
        },
        "Hits and coalesced, of all solves.",
        top=1,
    ),
    lines(
        "Time of a look-up", "s", quantiles("trm_cache_operation_duration_seconds", f'op="get",{INSTANCE}'), "Memory and Redis together.", limits=[(0.05, RED)]
    ),
    lines(
        "Redis errors",
        ERRORS,
        {"{{kind}}": f"sum by (kind) (rate(trm_cache_errors_total{{{INSTANCE}}}[$__rate_interval]))"},
        "By kind. Requests are answered without it.",
        width=12,
    ),
    lines(
        "Redis passed over",
        "bool_yes_no",
        {"{{instance}}": f"max by (instance) (trm_cache_breaker_open{{{INSTANCE}}})"},
        "The breaker is open: answers are shared with no other instance. After 5 minutes TRMCacheBreakerOpen fires.",
        limits=[(1, RED)],
        top=1,
        width=12,
    ),
]


def overview() -> Dashboard:
    """The dashboard."""
    rows = {"Objectives": OBJECTIVES, "Traffic": TRAFFIC, "Scheduler and workers": SCHEDULER, "Cache": CACHE}
    return board("trm-overview", "TRM Serve / Overview", "Is the service keeping its promises, and where does the time go?", rows, by_model=True)
