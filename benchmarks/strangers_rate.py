"""How many records per second eight programs without a common parent get into one file that rotates.

The end of an interpreter that has imported a logging library takes as long as some thousand records, so each program
logs more than that.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from benchmarks.contenders import CONTENDERS
from benchmarks.lines import require_lines
from benchmarks.subject import Subject, Target

STRANGERS = 8
ROTATION = 1_000_000
STRANGER_COMMAND = "stranger"


def measure(name: str, records: int, directory: Path) -> float:
    """Return records per second, from the moment all programs stand ready until the last one has ended."""
    log = directory / "bench.log"
    command = [sys.executable, "-m", "benchmarks.measure", STRANGER_COMMAND, name, str(records), str(log)]
    programs = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(STRANGERS)]
    try:
        for program in programs:
            assert program.stdout is not None
            program.stdout.readline()
        begun = time.perf_counter()
        for program in programs:
            assert program.stdin is not None
            program.stdin.close()
        for program in programs:
            program.wait()
        spent = time.perf_counter() - begun
    finally:
        for program in programs:
            program.kill()
            program.wait()
            if program.stdout is not None:
                program.stdout.close()
    require_lines(log, STRANGERS * records)
    return STRANGERS * records / spent


def run_stranger(name: str, records: int, log: Path) -> None:
    """Be one of the programs: configure, say so, wait for the end of standard input, log."""
    contender = CONTENDERS[name]()
    contender.configure(log, ROTATION)
    print("ready", flush=True)
    sys.stdin.read()
    contender.log(records)
    contender.finish()


SUBJECT = Subject(
    name="strangers-rate",
    title='8 programs without a common parent, rotation="1 MB"',
    unit="records per second",
    contenders=("mplog", "concurrent-log-handler"),
    targets=(Target("concurrent-log-handler", "at least", 4, ">= 4"),),
    records=10_000,
    quick_records=5_000,
    measure=measure,
)
