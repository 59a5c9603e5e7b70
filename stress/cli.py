"""The command line of the harness.

Exit status: 0 when the ledger balances, 1 when it does not, 2 for wrong usage.
"""

from __future__ import annotations

import argparse
import itertools
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from stress import mix, report
from stress.lacks import HOW_TO_GET_ALL, lacking
from stress.libraries import ADAPTERS
from stress.processes import adopt_orphans
from stress.run import Bounds, Run, play_all
from stress.scenarios import PLAY, STORIES
from stress.settings import START_METHODS, STRANGERS, Settings
from stress.sizes import size_limit

BALANCED, UNBALANCED = 0, 1
ALL, COMPARE = "all", "compare"
STDOUT = "-"


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line asked for."""

    plan: Iterator[Settings]
    bounds: Bounds
    title: str
    json: str | None
    """A file, ``-`` for standard output instead of the tables, or None."""
    html: Path | None


def main(argv: Sequence[str] | None = None) -> int:
    """Play what was asked for and return the exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    if not words:
        build_parser().print_help()
        return BALANCED
    request = parse(words)
    # Ended in the ordinary way, it takes its programs with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    adopt_orphans()
    run = play_with_bar(request, words)
    if request.html is not None:
        from stress.page import page

        request.html.write_text(page(run), encoding="utf-8")
    if request.json not in (None, STDOUT):
        Path(str(request.json)).write_text(report.as_json(run), encoding="utf-8")
    if request.json == STDOUT:
        print(report.as_json(run))
    else:
        report.show(report.console(), run)
    return BALANCED if run.passed else UNBALANCED


def play_with_bar(request: Request, words: Sequence[str]) -> Run:
    """Play all rounds, with a bar on standard error when somebody is looking."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(request.title, total=request.bounds.rounds)

        def tick(run: Run) -> None:
            failed = f", {len(run.failures)} failed" if run.failures else ""
            bar.update(task, completed=len(run.rounds) + len(run.left_out), description=request.title + failed)

        return play_all(request.plan, request.bounds, words, request.title, tick)


def parse(argv: Sequence[str] | None) -> Request:
    """Read the arguments; wrong ones end the program with status 2 and a text that says what is right."""
    parser = build_parser()
    arguments: dict[str, Any] = vars(parser.parse_args(argv))
    wants = {name: arguments.pop(name) for name in ("json", "html")}
    if wants["html"] is not None and lacking(["jinja2"]):
        parser.error(f"--html needs jinja2, which is not here: {HOW_TO_GET_ALL}")
    scenario, seed = arguments["scenario"], arguments["seed"]
    rounds, repeat = arguments.pop("rounds"), arguments.pop("repeat")
    # A soak's minutes are the length of its rounds.
    minutes = None if scenario == "soak" else arguments.pop("minutes")
    stop_early = arguments.pop("stop_early")
    if scenario == COMPARE:
        chosen = arguments["adapters"], arguments["scenarios"], arguments["start_methods"]
        refuse_missing(parser, chosen[0])
        plan, title = mix.compared(*chosen, seed), "compare " + ", ".join(chosen[0])
        rounds = mix.length_of_comparison(*chosen) * (repeat or rounds or 1)
    elif scenario == ALL:
        adapter = arguments["adapter"]
        refuse_missing(parser, [adapter])
        plan, title = mix.mixed(adapter, seed, keep=arguments["keep"]), f"all, {adapter}"
    else:
        settings = settings_of(parser, arguments)
        plan, title = mix.same(settings, seed), f"{scenario}, {settings.adapter}"
    if repeat and scenario != COMPARE:
        plan, rounds = itertools.repeat(next(plan)), repeat
    if rounds is None and minutes is None:
        rounds = mix.WHOLE_CYCLE if scenario == ALL else 1
    bounds = Bounds(rounds=rounds, minutes=minutes, stop_early=stop_early)
    return Request(plan, bounds, title, wants["json"], wants["html"])


def settings_of(parser: argparse.ArgumentParser, arguments: dict[str, Any]) -> Settings:
    """Make the settings of one scenario, unless they contradict each other."""
    arguments["shortest"], arguments["longest"] = arguments.pop("filler")
    if arguments["timeout"] is None:
        arguments["timeout"] = arguments["minutes"] * 60 * 1.5 + 60
    settings = Settings(**arguments)
    of, mortal = ("forks", settings.forks) if settings.forks else ("processes", settings.processes)
    if settings.kill > mortal:
        parser.error(f"--kill {settings.kill} of --{of} {mortal}: there are not so many to kill.")
    if settings.start_method == STRANGERS and settings.scenario not in mix.STRANGERS_TOO:
        parser.error(
            "--start-method strangers has no common owner: it goes with the scenarios 'writers' and 'raised-signal'."
        )
    if settings.scenario == "fork-storm" and not settings.forks:
        parser.error("--forks 0 would be no storm: ask for at least one.")
    reason = mix.why_not(settings)
    if reason is not None:
        parser.error(f"{settings.adapter} {reason}: leave that out, or torture another library.")
    refuse_missing(parser, [settings.adapter])
    return settings


def refuse_missing(parser: argparse.ArgumentParser, adapters: Sequence[str]) -> None:
    """End with status 2 unless the libraries that *adapters* are for are there."""
    missing = lacking(package for name in adapters if (package := ADAPTERS[name].package) is not None)
    if missing:
        parser.error(f"not here: {', '.join(missing)}. {HOW_TO_GET_ALL} brings the libraries to compare with.")


def build_parser() -> argparse.ArgumentParser:
    """Describe the scenarios and their options."""
    parser = argparse.ArgumentParser(
        prog="python -m stress",
        description="Torture concurrent writers of one log.",
        epilog="To begin with: python -m stress all --minutes 3. What a scenario can be told: python -m stress "
        "kill-owner --help. The exit status is 0 when the ledger balances, 1 when it does not, and 2 for wrong usage.",
    )
    scenarios = parser.add_subparsers(dest="scenario", required=True, metavar="scenario [options]", title="scenarios")

    story = "All scenarios but fuzz and soak, mixed; most rounds kill somebody."
    every = scenarios.add_parser(ALL, parents=[span(), reports()], help=story, description=story)
    every.add_argument("--adapter", choices=sorted(ADAPTERS), default="mplog", help="library (default: %(default)s)")
    every.add_argument("--keep", action="store_true", help="keep logs and ledger of rounds that fail")

    story = "Each scenario in a short form with mplog and with other libraries."
    beside = scenarios.add_parser(COMPARE, parents=[span(), reports()], help=story, description=story)
    peers = [name for name in ADAPTERS if not name.startswith("broken-")]
    beside.add_argument("--adapters", type=names_of(ADAPTERS), default=peers, help="such as mplog,loguru; default: all")
    beside.add_argument("--scenarios", type=names_of(PLAY), default=list(PLAY), help="names, comma-separated; all")
    beside.add_argument(
        "--start-methods", type=names_of(START_METHODS), default=["fork"], help="such as fork,spawn (default: fork)"
    )

    many = add(scenarios, "writers", timeout=300.0)
    add_tree(many, processes=8, kill=0, methods=(*START_METHODS, STRANGERS))
    many.add_argument("--records", type=positive, default=50_000, help="records of each thread (default: %(default)s)")

    killed = add(scenarios, "kill-workers", timeout=60.0)
    add_tree(killed, processes=4, kill=2)
    add_moment(killed, exact=0.5)

    owner = add(scenarios, "kill-owner", timeout=60.0)
    add_tree(owner, processes=4, kill=1)
    add_moment(owner, exact=0.25)
    add_strangers(owner, 0)
    owner.add_argument(
        "--afterwards", type=float, default=3.0, help="seconds that orphans log at most (default: %(default)s)"
    )

    everybody = add(scenarios, "kill-all", timeout=60.0)
    add_tree(everybody, processes=4, kill=None)
    add_moment(everybody, exact=0.25)

    raising = add(scenarios, "raised-signal", timeout=60.0, rate=2000.0)
    add_tree(raising, processes=4, kill=None, methods=(*START_METHODS, STRANGERS))

    other = add(scenarios, "rights-given-up", timeout=60.0, rate=500.0)
    other.add_argument("--processes", type=positive, default=4, help="worker processes (default: %(default)s)")
    other.add_argument("--kill", type=int, choices=(0, 1), default=1, help="whether the owner is killed (%(default)s)")
    add_moment(other, exact=0.25)

    turning = add(scenarios, "rotation-storm", timeout=120.0, rotation="4 KB")
    add_tree(turning, processes=4, kill=0)
    add_strangers(turning, 2)
    turning.add_argument("--records", type=positive, default=500, help="records of each thread (default: %(default)s)")

    storm = add(scenarios, "fork-storm", timeout=120.0)
    storm.add_argument("--forks", type=positive, default=300, help="children to fork (default: %(default)s)")
    storm.add_argument("--threads", type=positive, default=8, help="threads that log meanwhile (default: %(default)s)")

    hookless = add(scenarios, "hookless-fork", timeout=120.0, rotation="4 KB")
    hookless.add_argument("--forks", type=positive, default=100, help="children to fork (default: %(default)s)")
    hookless.add_argument("--records", type=positive, default=100, help="records of each child (default: %(default)s)")
    hookless.add_argument("--kill", type=int, default=2, help="children to SIGKILL (default: %(default)s)")

    slow = add(scenarios, "slow-sink", timeout=120.0, rate=1000.0)
    add_tree(slow, processes=4, kill=None)
    slow.add_argument("--records", type=positive, default=200, help="records of each thread (default: %(default)s)")
    slow.add_argument("--slow", type=float, default=0.02, help="seconds that the sink takes for a line (%(default)s)")

    full = add(scenarios, "disk-full", timeout=60.0, rate=300.0)
    add_tree(full, processes=4, kill=None)
    full.add_argument("--full", type=float, default=1.0, help="seconds that the disk stays full (default: %(default)s)")

    wrecked = add(scenarios, "fuzz", timeout=60.0, rate=300.0)
    add_tree(wrecked, processes=3, kill=None)
    add_moment(wrecked, exact=0.25)

    long = add(scenarios, "soak", timeout=None, rate=200.0, minutes=10.0)
    add_tree(long, processes=4, kill=None)
    long.add_argument("--lives", type=positive, default=20, help="workers in a row, one after another (%(default)s)")
    return parser


def add(
    scenarios: Any,
    name: str,
    *,
    timeout: float | None,
    rotation: str | None = None,
    rate: float = 0.0,
    minutes: float | None = None,
) -> argparse.ArgumentParser:
    """Add one scenario with the options that each of them takes."""
    parser: argparse.ArgumentParser = scenarios.add_parser(
        name, parents=[span(minutes), reports()], help=STORIES[name], description=STORIES[name]
    )
    parser.add_argument("--adapter", choices=sorted(ADAPTERS), default="mplog", help="library (default: %(default)s)")
    parser.add_argument(
        "--rotation", type=size, metavar="SIZE", default=rotation, help=f'such as "1 MB"; default: {rotation or "none"}'
    )
    parser.add_argument("--retention", type=positive, metavar="N", help="rotated files to keep; default: all")
    parser.add_argument("--compression", metavar="EXT", help='such as "gz"; default: none')
    parser.add_argument(
        "--rate", type=float, default=rate, help="records per second and thread; 0: no limit (default: %(default)s)"
    )
    parser.add_argument(
        "--filler", type=lengths, default=(8, 120), metavar="MIN-MAX", help="length of messages (default: 8-120)"
    )
    parser.add_argument(
        "--timeout", type=float, default=timeout, help="seconds for one round, then it counts as hung (%(default)s)"
    )
    parser.add_argument("--keep", action="store_true", help="keep logs and ledger of rounds that fail")
    return parser


def span(minutes: float | None = None) -> argparse.ArgumentParser:
    """The options that say how many rounds there are, and which."""
    options = argparse.ArgumentParser(add_help=False)
    options.add_argument(
        "--rounds", type=positive, help="rounds, each on a fresh log and with the next seed (default: 1; all: 60)"
    )
    options.add_argument(
        "--minutes",
        type=float,
        default=minutes,
        help="begin no round after so many minutes" if minutes is None else "length of a round (default: %(default)s)",
    )
    options.add_argument("--seed", type=int, default=0, help="of all that is random (default: %(default)s)")
    options.add_argument("--repeat", type=positive, metavar="N", help="play the round of --seed itself N times")
    options.add_argument("--stop-early", action="store_true", help="end at the first round that fails")
    return options


def reports() -> argparse.ArgumentParser:
    """The options that say where results go."""
    options = argparse.ArgumentParser(add_help=False)
    options.add_argument(
        "--json", nargs="?", const=STDOUT, metavar="FILE", help="write everything as JSON; no FILE: instead of tables"
    )
    options.add_argument("--html", type=Path, metavar="FILE", help="write one self-contained page with pictures")
    return options


def add_tree(
    parser: argparse.ArgumentParser, *, processes: int, kill: int | None, methods: Sequence[str] = START_METHODS
) -> None:
    """The options of scenarios that have worker processes; *kill* is None where nobody can choose how many die."""
    parser.add_argument("--processes", type=positive, default=processes, help="worker processes (default: %(default)s)")
    parser.add_argument("--threads", type=positive, default=1, help="logging threads in each (default: %(default)s)")
    parser.add_argument("--start-method", choices=methods, default="fork", help="(default: %(default)s)")
    if kill is not None:
        parser.add_argument("--kill", type=int, default=kill, help="workers to SIGKILL (default: %(default)s)")


def add_moment(parser: argparse.ArgumentParser, *, exact: float) -> None:
    """The options that say when somebody is killed."""
    parser.add_argument(
        "--aim",
        type=share,
        default=0.5,
        help="share of kills that wait for a step of the writer (default: %(default)s)",
    )
    parser.add_argument(
        "--exact",
        type=share,
        default=exact,
        help="share of owners that die exactly at a step, of workers that die within a call (default: %(default)s)",
    )


def add_strangers(parser: argparse.ArgumentParser, count: int) -> None:
    """The option of scenarios that programs without a common parent take part in."""
    parser.add_argument(
        "--strangers", type=int, default=count, help="programs of their own that log beside (default: %(default)s)"
    )


def names_of(known: Any) -> Any:
    """Make a reader of comma-separated names."""

    def names(text: str) -> list[str]:
        found = [name.strip() for name in text.split(",") if name.strip()]
        for name in found:
            if name not in known:
                raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(known)}")
        return found

    return names


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
