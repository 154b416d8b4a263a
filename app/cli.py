"""`trm serve | worker | jobs | keys | solve | doctor | train | evaluate | export | import`; each imports what it needs, so that serving needs no torch."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from app.arguments import setting
from app.errors import InvalidRequest, TRMError, mistakes
from app.examples import EXAMPLES
from app.settings import PROJECT, Settings
from app.terminal import options
from app.training import options as training

STORE = PROJECT / "model_store"
LISTS = ("models", "cors_origins")
"""Settings that are JSON."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit status. Errors of ours are one sentence on stderr."""
    arguments = parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except TRMError as error:
        print(f"trm: {error.detail}", file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        extra = "client" if error.name == "httpx" else "torch"
        print(f"trm: {arguments.run.__name__.strip('_')} needs the {extra} extra, pip install -e '.[{extra}]': {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever read the output, such as `head`, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="trm", description="Solve puzzles with Tiny Recursive Models.")
    commands = top.add_subparsers(required=True, metavar="command")

    def command(name: str, purpose: str) -> argparse.ArgumentParser:
        shown, form = f"examples:\n{EXAMPLES[name]}", argparse.RawDescriptionHelpFormatter
        return commands.add_parser(name, help=purpose, description=f"{purpose[0].upper()}{purpose[1:]}.", epilog=shown, formatter_class=form)

    _serve(command("serve", "serve the model store over HTTP; every TRM_ setting has a flag"), serve)
    _serve(command("worker", "work on the jobs of a Redis, without the HTTP API; health and metrics on TRM_PORT"), worker)
    _jobs(command("jobs", "hand many puzzles to a server, and fetch the results"))
    _keys(command("keys", "make an API key"))
    _solve(command("solve", "solve puzzles here, or by a running service, and draw the answers"))
    _doctor(command("doctor", "tell what trm serve would use on this machine, and why"))
    _train(command("train", "train a model for Sudokus, mazes or ARC; the same command resumes (needs the torch extra)"))
    _evaluate(command("evaluate", "measure a model of the store on lists of puzzles"))
    _export(command("export", "put a training run into the model store (needs the torch extra)"))
    _import(command("import", "put a checkpoint of the reference implementation into the model store (needs the torch extra)"))
    return top


def _serve(command: argparse.ArgumentParser, run: Callable[[argparse.Namespace], int]) -> None:
    _setting_flags(command)
    command.set_defaults(run=run)


def _setting_flags(command: argparse.ArgumentParser) -> None:
    for name, field in Settings.model_fields.items():
        command.add_argument(f"--{name.replace('_', '-')}", help=f"{field.description} (TRM_{name.upper()})", metavar="VALUE")


def serve(arguments: argparse.Namespace) -> int:
    """Serve until told to stop."""
    from app.serve import serve as run

    return run(settings(_given(arguments)))


def worker(arguments: argparse.Namespace) -> int:
    """Work on jobs until told to stop."""
    from app.serve import serve as run

    chosen = settings(_given(arguments))
    if not chosen.jobs_redis_url.get_secret_value():
        raise InvalidRequest("a worker needs TRM_JOBS_REDIS_URL: without a Redis there is nobody to have jobs from")
    return run(chosen, solving=False)


def _given(arguments: argparse.Namespace) -> dict[str, Any]:
    """The settings that have been given as flags."""
    return {name: value for name, value in vars(arguments).items() if name in Settings.model_fields and value is not None}


def _jobs(command: argparse.ArgumentParser) -> None:
    command.add_argument("--server", default="http://127.0.0.1:8000", metavar="URL", help="the server (http://127.0.0.1:8000)")
    verbs = command.add_subparsers(required=True, metavar="verb")
    submit = verbs.add_parser("submit", help="hand over a file of puzzles and print the job's id; the same again finds the same job")
    submit.add_argument("file", type=Path, help='NDJSON: a puzzle a line, such as {"type":"sudoku","grid":"53..7…"}')
    submit.add_argument("--set", action="append", default=[], type=setting, metavar="NAME=VALUE", help="model, on_error=continue, or an option")
    submit.add_argument("--again", action="store_true", help="make a new job even if this one is known")
    for name, told in (("status", "how far a job has come"), ("results", "what there is of a job, as NDJSON"), ("cancel", "begin no more of its puzzles")):
        verbs.add_parser(name, help=told).add_argument("job", help="its id")
    submit.add_argument("--wait", action="store_true", help="watch it until it has ended")
    verbs.choices["status"].add_argument("--wait", action="store_true", help="watch it until it has ended")
    verbs.choices["results"].add_argument("--output", type=Path, metavar="FILE", help="append to a file what it does not have yet; the same command resumes")
    verbs.choices["results"].add_argument("--wait", action="store_true", help="until all results are there")
    for name, verb in verbs.choices.items():
        verb.set_defaults(run=jobs, verb=name)


def jobs(arguments: argparse.Namespace) -> int:
    """Talk to a server about jobs."""
    from app import jobs_command

    return int(getattr(jobs_command, arguments.verb)(arguments))


def settings(given: dict[str, Any]) -> Settings:
    """The settings, flags before environment. Raises `InvalidRequest` naming the setting at fault."""
    try:
        return Settings(**{name: json.loads(value) if name in LISTS else value for name, value in given.items()})
    except ValidationError as error:
        raise InvalidRequest(f"settings: {mistakes(error)}") from error
    except ValueError as error:
        raise InvalidRequest(f"{' or '.join(f'TRM_{name.upper()}' for name in LISTS)}: {error}") from error


def _keys(command: argparse.ArgumentParser) -> None:
    made = command.add_subparsers(required=True, metavar="command").add_parser("new", help="print a new key, and the entry that lets it in")
    made.add_argument("name", help="the client: letters, digits, dots, dashes and underscores")
    made.add_argument("--limits", default="", metavar="[RATE[/BURST]][:JOBS]", help="puzzles a second, how many at once, and open jobs; without it none")
    made.set_defaults(run=keys)


def keys(arguments: argparse.Namespace) -> int:
    """Print a new key on stdout and nowhere else: it is kept by its client only."""
    from app.access.keys import new

    try:
        key, entry = new(arguments.name, arguments.limits)
    except ValueError as error:
        raise InvalidRequest(str(error)) from None
    print(f"key    {key}\nentry  {entry}")
    print("Give the key to the client; it is stored nowhere. Add the entry to TRM_API_KEYS or to the file of TRM_API_KEYS_FILE.", file=sys.stderr)
    return 0


def _solve(command: argparse.ArgumentParser) -> None:
    options.solve(command, STORE)
    command.set_defaults(run=solve)


def solve(arguments: argparse.Namespace) -> int:
    """Solve puzzles; the exit status says whether all were."""
    from app.terminal.solve import solve as run

    return run(arguments, os.environ.get("TRM_API_KEY"))


def _doctor(command: argparse.ArgumentParser) -> None:
    _setting_flags(command)
    command.set_defaults(run=doctor)


def doctor(arguments: argparse.Namespace) -> int:
    """Tell what the server would use; exit status 1 if it would not start."""
    from app.terminal.doctor import doctor as run

    given = _given(arguments)
    return run(settings(given), given)


def _train(command: argparse.ArgumentParser) -> None:
    training.train(command, STORE)
    command.set_defaults(run=train)


def train(arguments: argparse.Namespace) -> int:
    """Train, or go on training."""
    from app.training.commands import train as run

    return run(arguments)


def _evaluate(command: argparse.ArgumentParser) -> None:
    training.evaluate(command, STORE)
    command.set_defaults(run=evaluate)


def evaluate(arguments: argparse.Namespace) -> int:
    """Print a table and, on the last line, the same as JSON."""
    from app.training.evaluation import evaluate as run

    return run(arguments)


def _export(command: argparse.ArgumentParser) -> None:
    training.export(command, STORE)
    command.set_defaults(run=export)


def export(arguments: argparse.Namespace) -> int:
    """Write the averaged weights of a run into the store."""
    from app.training.commands import export as run

    return run(arguments)


def _import(command: argparse.ArgumentParser) -> None:
    command.add_argument("checkpoint", type=Path, help="a step_N file, or the folder that has it")
    command.add_argument("--config", type=Path, metavar="YAML", help="its all_config.yaml (beside it)")
    command.add_argument("--dataset", type=Path, metavar="JSON", help="the dataset.json of its data (beside it, or in train or test there)")
    command.add_argument("--identifiers", type=Path, metavar="JSON", help="of ARC: the identifiers.json of its data (beside it, or beside dataset.json)")
    command.add_argument("--name", required=True, help="name of the model in the store")
    command.add_argument("--store", type=Path, default=STORE)
    command.add_argument("--description", default="", help="one sentence for the list of models")
    command.set_defaults(run=import_)


def import_(arguments: argparse.Namespace) -> int:
    """Write a checkpoint of the reference implementation into the store."""
    from app.model.importing import import_checkpoint

    files = (arguments.config, arguments.dataset, arguments.identifiers)
    entry = import_checkpoint(arguments.checkpoint, arguments.store, arguments.name, arguments.description, *files)
    print(f"{entry.folder}: version {entry.version}")
    if entry.manifest.puzzle.family == "arc" and entry.identifiers is None:
        print("trm: no identifiers.json was found, so no puzzle can be named and none will be answered: see --identifiers", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
