"""The command line of the harness.

Exit status: 0 when the ledger balances, 1 when it does not, 2 for wrong usage.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

from stress import report
from stress.adapters import ADAPTERS
from stress.processes import adopt_orphans
from stress.scenarios import fork_storm, kill_owner, kill_workers, writers
from stress.settings import START_METHODS, STRANGERS, Settings
from stress.verdict import Round, size_limit

BALANCED, UNBALANCED = 0, 1

_PLAY: dict[str, Callable[[Settings, int], Round]] = {
    "writers": writers.play_round,
    "kill-workers": kill_workers.play_round,
    "kill-owner": kill_owner.play_round,
    "fork-storm": fork_storm.play_round,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one scenario and return the exit status."""
    settings, wants_json = parse(argv)
    # Ended in the ordinary way, it takes its programs with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    adopt_orphans()
    rounds = play_all(settings)
    if wants_json:
        print(report.as_json(settings, rounds))
    else:
        report.show(report.console(), settings, rounds)
    return BALANCED if all(round_.passed for round_ in rounds) else UNBALANCED


def play_all(settings: Settings) -> list[Round]:
    """Play all rounds, with a bar on standard error when somebody is looking."""
    rounds: list[Round] = []
    play_round = _PLAY[settings.scenario]
    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(settings.scenario, total=settings.rounds)
        for number in range(settings.rounds):
            rounds.append(play_round(settings.for_round(number), number))
            bar.advance(task)
            if settings.stop_early and not rounds[-1].passed:
                break
    return rounds


def parse(argv: Sequence[str] | None) -> tuple[Settings, bool]:
    """Read the arguments; wrong ones end the program with status 2 and a text that says what is right."""
    parser = build_parser()
    arguments: dict[str, Any] = vars(parser.parse_args(argv))
    wants_json = bool(arguments.pop("json"))
    arguments["shortest"], arguments["longest"] = arguments.pop("filler")
    settings = Settings(**arguments)
    if settings.kill > settings.processes:
        parser.error(f"--kill {settings.kill} of --processes {settings.processes}: there are not so many to kill.")
    if settings.start_method == STRANGERS and settings.scenario != "writers":
        parser.error("--start-method strangers has no common owner: it goes with the scenario 'writers' only.")
    if settings.scenario == "fork-storm" and not settings.forks:
        parser.error("--forks 0 would be no storm: ask for at least one.")
    return settings, wants_json


def build_parser() -> argparse.ArgumentParser:
    """Describe the scenarios and their options."""
    parser = argparse.ArgumentParser(prog="python -m stress", description="Torture concurrent writers of one log.")
    scenarios = parser.add_subparsers(dest="scenario", required=True, metavar="scenario")

    many = scenarios.add_parser("writers", parents=[common(300.0)], help=one_line(writers))
    add_tree(many, processes=8, kill=0, methods=(*START_METHODS, STRANGERS))
    many.add_argument("--records", type=positive, default=50_000, help="records of each thread (default: %(default)s)")

    killed = scenarios.add_parser("kill-workers", parents=[common(60.0)], help=one_line(kill_workers))
    add_tree(killed, processes=4, kill=2, methods=START_METHODS)

    owner = scenarios.add_parser("kill-owner", parents=[common(60.0)], help=one_line(kill_owner))
    add_tree(owner, processes=4, kill=1, methods=START_METHODS)
    owner.add_argument(
        "--aim", type=share, default=0.5, help="share of the other rounds that aim at a commit (default: %(default)s)"
    )

    owner.add_argument(
        "--exact", type=share, default=0.25, help="share of rounds that hit a step exactly (default: %(default)s)"
    )
    owner.add_argument(
        "--strangers", type=int, default=0, help="programs of their own that log beside (default: %(default)s)"
    )
    owner.add_argument(
        "--afterwards", type=float, default=3.0, help="seconds that orphans log at most (default: %(default)s)"
    )

    storm = scenarios.add_parser("fork-storm", parents=[common(120.0)], help=one_line(fork_storm))
    storm.add_argument("--forks", type=positive, default=300, help="children to fork (default: %(default)s)")
    storm.add_argument("--threads", type=positive, default=8, help="threads that log meanwhile (default: %(default)s)")
    return parser


def one_line(module: Any) -> str:
    """The first line of a scenario's description."""
    return str(module.__doc__).splitlines()[0]


def common(timeout: float) -> argparse.ArgumentParser:
    """The options that every scenario takes."""
    options = argparse.ArgumentParser(add_help=False)
    options.add_argument("--adapter", choices=sorted(ADAPTERS), default="mplog", help="library (default: %(default)s)")
    options.add_argument(
        "--rounds", type=positive, default=1, help="rounds, each on a fresh log (default: %(default)s)"
    )
    options.add_argument("--rotation", type=size, metavar="SIZE", help='such as "1 MB"; default: none')
    options.add_argument("--retention", type=positive, metavar="N", help="rotated files to keep; default: all")
    options.add_argument("--compression", metavar="EXT", help='such as "gz"; default: none')
    options.add_argument(
        "--rate", type=float, default=0.0, help="records per second and thread; 0, the default: no limit"
    )
    options.add_argument(
        "--filler", type=lengths, default=(8, 120), metavar="MIN-MAX", help="length of messages (default: 8-120)"
    )
    options.add_argument("--seed", type=int, default=0, help="of all that is random (default: %(default)s)")
    options.add_argument(
        "--timeout", type=float, default=timeout, help="seconds for one round, then it counts as hung (%(default)s)"
    )
    options.add_argument("--stop-early", action="store_true", help="end at the first round that fails")
    options.add_argument("--keep", action="store_true", help="keep logs and ledger of rounds that fail")
    options.add_argument("--json", action="store_true", help="print everything as JSON instead of tables")
    return options


def add_tree(parser: argparse.ArgumentParser, *, processes: int, kill: int, methods: Sequence[str]) -> None:
    """The options of scenarios that have worker processes."""
    parser.add_argument("--processes", type=positive, default=processes, help="worker processes (default: %(default)s)")
    parser.add_argument("--threads", type=positive, default=1, help="logging threads in each (default: %(default)s)")
    parser.add_argument("--kill", type=int, default=kill, help="workers to SIGKILL (default: %(default)s)")
    parser.add_argument("--start-method", choices=methods, default="fork", help="(default: %(default)s)")


def positive(text: str) -> int:
    """Read a number above zero."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not a number above zero")
    return number


def share(text: str) -> float:
    """Read a number from 0 to 1."""
    number = float(text)
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"{number} is not a share: give a number from 0 to 1")
    return number


def size(text: str) -> str:
    """Check that a rotation is a size, which is what the verdict knows to check."""
    if size_limit(text) is None:
        raise argparse.ArgumentTypeError(f'{text!r} is not a size: write it like "1 MB" or "200 KB"')
    return text


def lengths(text: str) -> tuple[int, int]:
    """Read a range of lengths such as ``8-120``."""
    try:
        shortest, longest = (int(part) for part in text.split("-"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a range: write it like 8-120") from None
    if not 0 <= shortest <= longest:
        raise argparse.ArgumentTypeError(f"{text!r} is not a range: the first number is the smaller one")
    return shortest, longest
