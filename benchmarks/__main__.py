"""``python -m benchmarks``."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from benchmarks import page, table
from benchmarks.measure import SUBJECTS
from benchmarks.run import run_subject

_ROUNDS, _QUICK_ROUNDS = 5, 3


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print. Status 1 means that mplog itself could not be measured, never that it was slow."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="mplog beside its peers, in one run.")
    parser.add_argument("subjects", nargs="*", metavar="subject", help=f"some of: {', '.join(SUBJECTS)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="fewer rounds and records: about half a minute")
    parser.add_argument("--rounds", type=int, help=f"rounds (default: {_ROUNDS}, quick: {_QUICK_ROUNDS})")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--page", type=Path, help="write the figures into this page, with charts beside it")
    parser.add_argument(
        "--from", type=Path, dest="given", metavar="JSON", help="measure nothing: --page of these figures"
    )
    arguments = parser.parse_args(argv)
    if arguments.given:
        if not arguments.page:
            parser.error("--from needs --page: python -m benchmarks --page docs/performance.md --from figures.json")
        page.write(arguments.page, json.loads(arguments.given.read_text()))
        return 0
    unknown = set(arguments.subjects) - SUBJECTS.keys()
    if unknown:
        parser.error(f"unknown subject {', '.join(sorted(unknown))}: choose from {', '.join(SUBJECTS)}.")
    rounds = arguments.rounds or (_QUICK_ROUNDS if arguments.quick else _ROUNDS)
    chosen = [SUBJECTS[name] for name in arguments.subjects or SUBJECTS]
    results = []
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("measuring", total=rounds * sum(len(subject.contenders) for subject in chosen))
        for subject in chosen:
            figures = run_subject(subject, rounds, quick=arguments.quick, step=lambda: progress.advance(task))
            results.append((subject, figures))
    data = table.as_data(results, rounds, quick=arguments.quick, load=load)
    if arguments.page:
        print(*page.write(arguments.page, data), sep="\n", file=sys.stderr)
    if arguments.json:
        print(json.dumps(data, indent=1))
    else:
        table.show(table.console(), results, rounds)
    measured = all(figures[0].median is not None for _, figures in results)
    return 0 if measured else 1


if __name__ == "__main__":
    sys.exit(main())
