"""What all tests share: a runtime directory for each, programs that end on every path, loggers that leave nothing."""

from __future__ import annotations

import compileall
import contextlib
import functools
import itertools
import os
import socket
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest
from counting import ParityCount
from programs import Program

import mplog
from mplog._logger.core import Core
from mplog._logger.logger import Logger
from mplog._sinks import report
from mplog._sinks.file import belief

# The process of the tests itself logs nothing: its default handler would hold a stream that pytest replaces.
mplog.logger.remove()


_NUMBERS = itertools.count()


def pytest_configure(config: pytest.Config) -> None:
    """Count the cases of the parity tests, see counting.py; compile what hundreds of programs are about to import.

    Where the environment forbids bytecode each of them would compile mplog anew, longer than all else that it does.
    """
    config.pluginmanager.register(ParityCount(), "parity-count")
    if not hasattr(config, "workerinput"):
        compileall.compile_dir(Path(mplog.__file__).parent, quiet=2)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One more than there are processors: many tests wait most of the time for the programs that they have started."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture(autouse=True, scope="session")
def paths_of_libraries() -> Iterator[None]:
    """`sysconfig` remembers its answers: the reference asks for dozens of them with each handler, again and again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sysconfig, "get_path", functools.cache(sysconfig.get_path))
        yield


@pytest.fixture(autouse=True)
def nothing_said(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first trouble of a kind is said in full in each test, though all are one process.

    Beside the reference each of the others is said, too, in a line: it makes a report of each.
    """
    report._said.clear()
    belief._said.clear()
    if "parity" in request.path.parts:
        monkeypatch.setattr(report, "EVERY", 0.0)


@pytest.fixture(autouse=True)
def runtime_dir(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A runtime directory that no other test sees, for this process and for all that it starts."""
    # Without looking for a free number among the thousands of others, as `mktemp` does.
    path = tmp_path_factory.getbasetemp() / f"runtime{next(_NUMBERS)}"
    path.mkdir()
    monkeypatch.setenv("MPLOG_RUNTIME_DIR", str(path))
    yield path
    with contextlib.suppress(OSError):  # Left for whoever wants to know what is in it.
        path.rmdir()


@pytest.fixture
def program(tmp_path: Path, runtime_dir: Path) -> Iterator[Program]:
    """Runs scripts as users do; see programs.py."""
    found = Program(tmp_path, runtime_dir)
    try:
        yield found
    finally:
        found.end()


@pytest.fixture
def logger() -> Iterator[Logger]:
    """A logger of its own, without handlers, that takes no part in forks. Its handlers are removed in the end."""
    found = Logger(Core(), {})
    yield found
    found.remove()


@pytest.fixture
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server of Redis for this test."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    here = tmp_path_factory.mktemp("redis")
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", str(here), "--save", ""]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.kill()
        process.wait()
