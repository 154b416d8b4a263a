"""The dashboard *Jobs*: what waits, how fast it is worked off, what went wrong. Backlog figures are of the one store, so the largest report counts."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from monitoring.dashboards.panels import INSTANCE, PUZZLES, board, lines, number

BACKLOG = [
    number("Puzzles that wait", "short", f"max(trm_jobs_pending{{{INSTANCE}}})", "Without a result, of all open jobs.", width=6),
    number(
        "Oldest open job",
        "s",
        f"max(trm_jobs_oldest_age_seconds{{{INSTANCE}}})",
        "Its age. Above an hour TRMJobLag fires.",
        limits=[(1800, "orange"), (3600, "red")],
        width=6,
    ),
    number(
        "Time to work off",
        "s",
        f"max(trm_jobs_pending{{{INSTANCE}}}) / sum(rate(trm_jobs_puzzles_total{{{INSTANCE}}}[$__rate_interval]))",
        "What waits, at the present rate.",
        limits=[(1800, "orange"), (3600, "red")],
        width=6,
    ),
    number(
        "Redis of the jobs",
        "short",
        f"min(trm_jobs_store_up{{{INSTANCE}}})",
        "Away: an instance cannot reach it. Single solves go on.",
        first="red",
        limits=[(1, "green")],
        width=6,
        words={"0": "away", "1": "there"},
    ),
    lines("Backlog", "short", {"puzzles": f"max(trm_jobs_pending{{{INSTANCE}}})"}, "What the autoscaler of the workers looks at.", width=12),
    lines("Puzzles in hand", "short", {"{{instance}}": f"sum by (instance) (trm_jobs_held{{{INSTANCE}}})"}, "By instance.", stacked=True, width=12),
]

PROGRESS = [
    lines(
        "Puzzles finished",
        PUZZLES,
        {"{{outcome}}": f"sum by (outcome) (rate(trm_jobs_puzzles_total{{{INSTANCE}}}[$__rate_interval]))"},
        "Of jobs, by outcome.",
        stacked=True,
    ),
    lines(
        "By instance",
        PUZZLES,
        {"{{instance}}": f"sum by (instance) (rate(trm_jobs_puzzles_total{{{INSTANCE}}}[$__rate_interval]))"},
        "Who does the work.",
        stacked=True,
    ),
    lines(
        "Jobs",
        "short",
        {
            "created": f"sum(increase(trm_jobs_created_total{{{INSTANCE}}}[$__rate_interval]))",
            "{{status}}": f"sum by (status) (increase(trm_jobs_finished_total{{{INSTANCE}}}[$__rate_interval]))",
        },
        "Accepted and ended.",
    ),
    lines(
        "Taken again",
        "short",
        {"redelivered": f"sum(increase(trm_jobs_redelivered_total{{{INSTANCE}}}[$__rate_interval]))"},
        "Puzzles whose consumer went away without a result: pods that stop or die.",
        width=12,
    ),
    lines(
        "Given up",
        "short",
        {"dead letters": f"sum(increase(trm_jobs_dead_letters_total{{{INSTANCE}}}[$__rate_interval]))"},
        "After too many deliveries; the reason is in the job's results. Any is worth a look.",
        limits=[(1, "red")],
        width=12,
    ),
]


def jobs() -> Dashboard:
    """The dashboard."""
    rows = {"Backlog": BACKLOG, "Progress": PROGRESS}
    return board("trm-jobs", "TRM Serve / Jobs", "What waits, how fast is it worked off, what went wrong?", rows, by_model=False)
