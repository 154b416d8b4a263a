"""The dashboard *Recursion*: how deep the models think, how fast they step, how often they are right."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from monitoring.dashboards.panels import INSTANCE, MODEL, PUZZLES, STEPS, board, heat, lines, quantiles

HALTING = [
    heat(
        "Depth at which puzzles halt",
        f"sum by (le) (increase(trm_halting_steps_bucket{{{MODEL}}}[$__rate_interval]))",
        "Steps over all attempts. Most puzzles halt within a few; a second band higher up is restarts.",
    ),
    lines(
        "Mean depth by model",
        "short",
        {"{{model}}": 'model:trm_halting_steps:mean_rate15m{model=~"$model"}'},
        "Steps a puzzle, over 15 minutes and all instances. If it moves by half against the last day, TRMHaltingDepthDrift fires.",
        width=12,
    ),
    lines(
        "Why they halt",
        PUZZLES,
        {"{{reason}}": f"sum by (reason) (rate(trm_halting_steps_count{{{MODEL}}}[$__rate_interval]))"},
        "verified: the rules accept the answer; max_steps and deadline: given up.",
        stacked=True,
    ),
    lines(
        "Attempts a puzzle, by model",
        "short",
        {
            "{{model}}": f"sum by (model) (rate(trm_attempts_sum{{{MODEL}}}[$__rate_interval]))"
            f" / sum by (model) (rate(trm_attempts_count{{{MODEL}}}[$__rate_interval]))"
        },
        "Mean of the symmetric copies that a puzzle was tried on. 1: the first attempt is enough.",
    ),
    lines(
        "Verified, by model",
        "percentunit",
        {"{{model}}": 'model:trm_verified:ratio_rate15m{model=~"$model"}'},
        "Of the answers that rules can judge, over 15 minutes and all instances. Below 90 % TRMVerifiedRatioLow fires.",
        limits=[(0.9, "green")],
        top=1,
    ),
]

STEPPING = [
    lines("Time of a step", "s", quantiles("trm_step_duration_seconds", MODEL, "model"), "Of the whole batch."),
    lines("Steps", STEPS, {"{{model}}": f"sum by (model) (rate(trm_step_batch_size_count{{{MODEL}}}[$__rate_interval]))"}, "Of whole batches."),
    lines(
        "Puzzle steps",
        STEPS,
        {"{{model}}": f"sum by (model) (rate(trm_step_batch_size_sum{{{MODEL}}}[$__rate_interval]))"},
        "Each puzzle of a batch counted: the work done.",
    ),
    heat(
        "Puzzles in a step",
        f"sum by (le) (increase(trm_step_batch_size_bucket{{{MODEL}}}[$__rate_interval]))",
        "Batch sizes. Under load they should be near the slots.",
    ),
    lines(
        "Occupancy",
        "percentunit",
        {"{{instance}}": f"sum by (instance) (trm_requests_running{{{INSTANCE}}}) / sum by (instance) (trm_slots{{{INSTANCE}}})"},
        "Running, of the slots of all models. One model alone fills no more than its share.",
        top=1,
        width=12,
    ),
    lines(
        "Failing steps",
        "short",
        {"{{model}} {{kind}}": f"sum by (model, kind) (increase(trm_step_faults_total{{{MODEL}}}[$__rate_interval]))"},
        "Puzzles that a step raised on, or whose numbers were not finite. Any is worth a look.",
        limits=[(1, "red")],
    ),
    lines(
        "Power",
        "watt",
        {"{{device}}": f"sum by (device) (rate(trm_energy_joules_total{{{INSTANCE}}}[$__rate_interval]))"},
        "Of whole devices, whoever used them; empty where the machine does not report it.",
    ),
    lines(
        "Energy of a solved puzzle",
        "joule",
        {
            "joules": f"sum(rate(trm_energy_joules_total{{{INSTANCE}}}[$__rate_interval]))"
            f' / sum(rate(trm_requests_finished_total{{outcome="solved",{MODEL}}}[$__rate_interval]))'
        },
        "Power by puzzles solved a second; empty where the machine does not report it.",
    ),
]


def recursion() -> Dashboard:
    """The dashboard."""
    rows = {"Halting": HALTING, "Steps": STEPPING}
    return board(
        "trm-recursion", "TRM Serve / Recursion", "How deep do the models think, how fast do they step, how often are they right?", rows, by_model=True
    )
