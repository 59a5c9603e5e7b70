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
    assert len(logs) > 3
    for path in logs:
        content = path.read_bytes()
        text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
        found.update(re.sub(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} ", "", line) for line in text.splitlines())
        assert path.stat().st_mode & 0o777 == 0o640
    assert found == Counter(f"INFO request {number}" for number in range(2000))


def test_every_program_is_on_a_page() -> None:
    """One that no page shows helps nobody."""
    shown = {Path(block.what).stem for block in marked("source") if block.what.startswith("migrations/")}
    assert shown == set(PROGRAMS)
