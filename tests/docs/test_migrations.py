"""The programs on the migration pages run, before and after, and log the same."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from pathlib import Path

import pytest
from documentation import DOCS, marked
from programs import Ended, Program

PROGRAMS = {path.stem: path.read_text() for path in sorted((DOCS / "examples" / "migrations").glob("*.py"))}

METHODS = ["fork", "spawn", "forkserver"]


def finished(program: Program, name: str, *arguments: str) -> Ended:
    """One of the programs, at its end. Those written for other libraries may warn."""
    ended = program.start(PROGRAMS[name], *arguments).wait()
    assert ended.status == 0, ended.said
    return ended


def records(text: str) -> Counter[str]:
    """First lines of records, without what depends on how processes are started and on whose name a record has."""
    lines = [line for line in text.splitlines() if re.match("[A-Z]{4,8} ", line)]
    lines = [re.sub(r"(Fork|Spawn|ForkServer)(Pool)?(Process|Worker)-\d+", "a child", line) for line in lines]
    return Counter(re.sub(r"^(\w+) (__main__|__mp_main__|bank|parcels)\b", r"\1 NAME", line) for line in lines)


ORDERS = {
    "DEBUG NAME:add_up host-1 north 100.00 each",
    "DEBUG NAME:add_up host-1 southeast 100.00 each",
    "ERROR concurrent.futures.process:<listcomp> host-1 - no orders, in a child",
    "INFO NAME:<module> host-1 - 1400 cents in all",
    "INFO NAME:add_up host-1 closed asking for closed",
    "INFO NAME:add_up host-1 north 500 cents",
    "INFO NAME:add_up host-1 north asking for north",
    "INFO NAME:add_up host-1 southeast 900 cents",
    "INFO NAME:add_up host-1 southeast asking for southeast",
    "NOTICE NAME:add_up host-1 southeast much money",
    "SUCCESS NAME:add_up host-1 southeast more than 700",
}


def orders(ended: Ended) -> Counter[str]:
    """What is in the log of orders. A comprehension is a frame of its own up to Python 3.11."""
    return records((ended.here / "orders.log").read_text().replace("_process_chunk", "<listcomp>"))


@pytest.mark.parametrize("method", METHODS)
def test_a_program_written_for_loguru_logs_the_same_and_what_a_child_catches_too(method: str, program: Program) -> None:
    """In a spawned child, `@logger.catch` of Loguru is bound to a logger that has not been handed over yet."""
    before = finished(program, "loguru_before", method)
    expected = Counter(ORDERS)
    if method != "fork":
        expected -= Counter(line for line in ORDERS if line.startswith("ERROR"))
        assert "closed has no orders" in before.said
    assert orders(before) == expected
    for path in before.here.iterdir():
        path.unlink()

    after = program.run(PROGRAMS["loguru_after"], method)
    assert orders(after) == Counter(ORDERS)
    assert records(after.output) == Counter(["ERROR - no orders, in a child"])
    (line,) = (after.here / "audit.log").read_text().splitlines()
    record = json.loads(line)["record"]
    assert (record["message"], record["extra"]) == (
        "more than 700",
        {"shop": "southeast", "host": "host-1", "audit": True, "limit": 700},
    )


PARCELS = {
    "ERROR NAME a child 3 cannot weigh it",
    "INFO NAME MainProcess - all weighed",
    "INFO NAME a child 0 33 grams",
    "INFO NAME a child 1 50 grams",
    "INFO NAME a child 2 100 grams",
    "INFO NAME a child 4 -100 grams",
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["logging_before", "logging_kept", "logging_after"])
def test_a_program_written_for_logging_logs_the_same(name: str, method: str, program: Program) -> None:
    """With its calls kept, and with mplog's."""
    ended = finished(program, name, method)
    text = (ended.here / "parcels.log").read_text()
    assert records(text) == Counter(PARCELS)
    assert "ZeroDivisionError: " in text
    assert ended.said == ""


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["clh_before", "clh_after"])
def test_a_program_written_for_concurrent_log_handler_logs_the_same(name: str, method: str, program: Program) -> None:
    """Every request once, in archives that only the group may read."""
    ended = finished(program, name, method)
    assert ended.said == ""
    found: Counter[str] = Counter()
    logs = [path for path in ended.here.iterdir() if path.name.startswith("requests")]
    assert len(logs) > 1  # how many it are is a matter of who was faster
    for path in logs:
        content = path.read_bytes()
        text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
        found.update(re.sub(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} ", "", line) for line in text.splitlines())
        assert path.stat().st_mode & 0o777 == 0o640
    assert found == Counter(f"INFO request {number}" for number in range(2000))


OLD_WITH_LOGURU = """
import sys, time
from loguru import logger
logger.remove()
logger.add("app.log", rotation=20_000, format="{message}")
log = lambda number: logger.info("old {}", number)
"""

OLD_WITH_LOCKS = """
import logging, sys, time
from concurrent_log_handler import ConcurrentRotatingFileHandler
logging.getLogger().addHandler(ConcurrentRotatingFileHandler("app.log", maxBytes=20_000, backupCount=100))
logging.getLogger().setLevel("INFO")
log = lambda number: logging.info("old %d", number)
"""

NEW = """
import sys, time
from mplog import logger
logger.remove()
logger.add("app.log", watch=True, format="{message}")
log = lambda number: logger.info("new {}", number)
"""

MANY = """
for number in range(6000):
    log(number)
    if number % 100 == 0:
        time.sleep(0.001)  # so that they take turns in earnest, on one processor, too
"""


@pytest.mark.parametrize("old", [OLD_WITH_LOGURU, OLD_WITH_LOCKS], ids=["loguru", "concurrent-log-handler"])
def test_both_may_write_while_only_the_old_program_rotates(old: str, program: Program) -> None:
    """`watch` is what a new program needs in a rolling deployment, where the old one does not compress."""
    running = [program.start(old + MANY), program.start(NEW + MANY)]
    for one in running:
        ended = one.wait()
        assert (ended.status, ended.said) == (0, "")
    logs = list(ended.here.glob("app*"))
    assert len(logs) > 1  # how many it are is a matter of who was faster
    found = Counter(line for path in logs for line in path.read_text().splitlines())
    assert found == Counter(f"{name} {number}" for name in ("old", "new") for number in range(6000))


def test_files_that_loguru_has_left_count_for_retention_and_are_compressed(program: Program) -> None:
    """A log changes hands without a break."""
    first = program.start(OLD_WITH_LOGURU.replace("20_000", "100") + "[log(number) for number in range(60)]").wait()
    assert first.status == 0, first.said
    left = sorted(path.name for path in first.here.glob("app.*_*.log"))
    assert len(left) > 2
    ended = program.run(
        """
        from mplog import logger
        logger.remove()
        logger.add("app.log", rotation=100, retention=2, compression="gz", format="{message}")
        for number in range(8):
            logger.info("new {}", number)
        """
    )
    archives = sorted(path.name for path in ended.here.glob("app.*_*"))
    assert len(archives) == 2
    assert all(name.endswith(".log.gz") for name in archives)
    assert f"{left[-1]}.gz" in archives
    assert (ended.here / "app.log").read_text().endswith("new 7\n")


def test_every_program_is_on_a_page() -> None:
    """One that no page shows helps nobody."""
    shown = {Path(block.what).stem for block in marked("source") if block.what.startswith("migrations/")}
    assert shown == set(PROGRAMS)
