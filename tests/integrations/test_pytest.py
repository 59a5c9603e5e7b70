"""The plugin for pytest, in runs of pytest of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from mplog.testing import capture

SUITE = """
import logging, multiprocessing, os
import pytest
from mplog import logger

def work(number):
    logger.bind(number=number).warning("in a child, {}", number)

@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_children(mplog_records, method):
    logger.info("begun")
    children = [multiprocessing.get_context(method).Process(target=work, args=(n,)) for n in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert mplog_records[0]["message"] == "begun"
    assert sorted(mplog_records.messages[1:]) == [f"in a child, {n}" for n in range(3)]
    assert {record["process"].id for record in mplog_records} == {os.getpid(), *(child.pid for child in children)}
    assert sorted(record["extra"]["number"] for record in mplog_records[1:]) == [0, 1, 2]

def test_starts_empty(mplog_records, caplog, capsys):
    assert len(mplog_records) == 0
    logging.getLogger("theirs").warning("theirs")
    print("printed")
    logger.debug("mine")
    assert mplog_records.tuples == [(__name__, "DEBUG", "mine")]
    assert caplog.messages == ["theirs"]
    assert capsys.readouterr().out == "printed\\n"
    mplog_records.clear()
    assert not mplog_records
    assert mplog_records == []

def test_fails(mplog_records):
    logger.error("what happened before")
    assert False

def test_without_it():
    logger.error("nobody looks")
    assert False
"""


@pytest.mark.parametrize("arguments", [(), ("-n", "2")], ids=["alone", "-n 2"])
def test_a_suite(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """Records of a test and its children are data, and shown where a test fails."""
    (tmp_path / "test_suite.py").write_text(textwrap.dedent(SUITE))
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments, "test_suite.py"],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "2 failed, 3 passed" in ended.stdout, ended.stdout + ended.stderr
    _, shown = ended.stdout.split("- mplog records -")
    assert "ERROR    MainProcess:test_suite:" in shown.splitlines()[1]
    assert "what happened before" in shown.splitlines()[1]


def test_without_pytest() -> None:
    """A `with` that ends is the end of it, and its records stay."""
    from mplog import logger

    with capture("WARNING", filter=lambda record: "no" not in record["message"]) as records:
        logger.info("low")
        logger.warning("yes")
        logger.warning("no")
    logger.warning("after")
    assert repr(records) == f"[({__name__!r}, 'WARNING', 'yes')]"
    assert records[:][0]["message"] == "yes"
