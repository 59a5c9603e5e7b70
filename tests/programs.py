"""Programs under test: run as a user runs them, watched until nothing of them is left.

A program is a script in a directory of its own, started by the present interpreter in a process group of its own, with
a runtime directory of its own and warnings as errors. Its logs lie in `here`; whatever else a script wants to note
down goes into files named `*.txt` there.
"""

from __future__ import annotations

import contextlib
import functools
import gzip
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mplog

PATIENCE = 40.0
"""Seconds after which a program that has not ended has failed. Sound programs take less than two."""

SOON = 10.0
"""Seconds within which something that needs no more than a turn of somebody else must have happened."""

FULL = os.environ.get("MPLOG_TEST_FULL") == "1"
"""Whether the numbers that are promised are wanted where tests use small ones."""

_IMPORTABLE = str(Path(mplog.__file__).parent.parent)
_ROTATED = re.compile(r"\.(\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d_\d{6})(?:\.(\d+))?\.")


@functools.cache
def can_mount(command: str) -> bool:
    """Whether this process may have a mount namespace of its own, and the shell *command* succeeds in it."""
    if shutil.which("unshare") is None:
        return False
    return subprocess.run(["unshare", "--mount", "sh", "-c", command], capture_output=True, check=False).returncode == 0


def compiled(source: Path, directory: Path) -> str:
    """A library made of one C file, for programs that preload it."""
    library = directory / f"{source.stem}.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"], check=True)
    return str(library)


def wait_until(condition: Callable[[], bool], what: str | Callable[[], str], within: float = SOON) -> None:
    """Wait until *condition* holds, and fail with *what*, which may be asked then, when it does not in time."""
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"after {within} s still not so: {what if isinstance(what, str) else what()}")
        time.sleep(0.005)


def kept_waiting(group: int) -> float:
    """Seconds for which the threads of a process group's living processes were ready to run and had no processor."""
    total = 0
    for process in members(group):
        for statistics in Path(f"/proc/{process}/task").glob("*/schedstat"):
            with contextlib.suppress(OSError, IndexError):
                total += int(statistics.read_text().split()[1])
    return total / 1e9


def members(group: int) -> dict[int, str]:
    """The living processes of a process group, with their command lines."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return {}  # not even a dead one; looking at every process of the machine takes a hundred times as long
    except PermissionError:
        pass  # somebody's
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            state, _parent, its_group = (entry / "stat").read_text().rpartition(")")[2].split()[:3]
            if int(its_group) == group and state not in "ZX":
                found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    return found


def read_log(directory: Path, name: str = "app.log") -> list[str]:
    """All lines of one log, oldest file first: rotated files, compressed ones too, then the live one.

    The last line of each file must be whole.
    """
    stem, extension = os.path.splitext(name)
    paths = [
        path
        for path in directory.iterdir()
        if path.name == name or (path.name.startswith(f"{stem}.") and f"{extension}" in path.name)
    ]

    def age(path: Path) -> tuple[bool, str, int]:
        match = _ROTATED.search(path.name)
        return (False, match[1], int(match[2] or 1)) if match else (True, "", 0)

    lines: list[str] = []
    for path in sorted(paths, key=age):
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
        assert not content or content.endswith(b"\n"), f"{path.name} ends in the middle of a line: {content[-80:]!r}"
        lines += content.decode().split("\n")[:-1]
    return lines


def assert_once_in_order(lines: list[str], expected: Iterable[str]) -> None:
    """Every message once and whole, and each process's numbers ascending.

    Args:
        lines: in the format `{process.id} {message}`; a message ends in a number that its process counts up.
        expected: the messages.
    """
    split = [line.partition(" ") for line in lines]
    wanted, found = Counter(expected), Counter(message for _, _, message in split)
    missing, surplus = wanted - found, found - wanted
    assert not missing, f"{missing.total()} lines are missing, such as {list(missing)[:3]}"
    assert not surplus, f"{surplus.total()} lines are doubled, torn or strange, such as {list(surplus)[:3]}"
    last: dict[str, int] = {}
    for process, _, message in split:
        number = int(message.split()[-1])
        assert last.get(process, -1) < number, f"process {process} logged {message!r} before {last[process]}"
        last[process] = number


@dataclass(frozen=True)
class Ended:
    """A program that has come to its end."""

    status: int
    output: str
    said: str
    """What it wrote to standard error."""
    here: Path
    seconds: float

    def log(self, name: str = "app.log") -> list[str]:
        """The lines of one of its logs, rotated files included."""
        return read_log(self.here, name)


class Running:
    """A program that has been started. `wait` for it, or talk to it through `process`."""

    def __init__(self, process: subprocess.Popen[str], here: Path, output: Path, said: Path) -> None:
        self.process = process
        self.here = here
        self._output = output
        self._said = said
        self._since = time.monotonic()

    def wait(self, within: float = PATIENCE) -> Ended:
        """Wait for the end of its first process. A machine that is busy with other things gives it more time."""
        deadline = time.monotonic() + within
        while True:
            try:
                status = self.process.wait(max(0.0, deadline - time.monotonic()))
                break
            except subprocess.TimeoutExpired:
                busy = min(kept_waiting(self.process.pid), 1.5 * within)
                if time.monotonic() < deadline + busy and busy:
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        self.process.wait(1)
                    continue
                raise AssertionError(
                    f"the program has not ended after {within} s; living are {members(self.process.pid)}; "
                    f"it said {self._said.read_text(errors='replace')[-3000:]!r}"
                ) from None
        seconds = time.monotonic() - self._since
        return Ended(
            status,
            self._output.read_text(errors="replace"),
            self._said.read_text(errors="replace"),
            self.here,
            seconds,
        )

    def said_so_far(self) -> str:
        """What it has written to standard error by now."""
        return self._said.read_text(errors="replace")[-3000:]

    def log(self, name: str = "app.log") -> list[str]:
        """The lines of one of its logs, as they are by now."""
        return read_log(self.here, name)


class Program:
    """Starts programs, and ends all that is left of them."""

    def __init__(self, directory: Path, runtime: Path) -> None:
        self.here = directory / "here"
        self.runtime = runtime
        self._scripts = directory / "scripts"
        self._started: list[Running] = []
        self.here.mkdir()
        self._scripts.mkdir()

    def script(self, source: str, name: str = "program.py") -> Path:
        """Put *source* where programs find it: as a script, or as a module that scripts can import."""
        path = self._scripts / name
        path.write_text(textwrap.dedent(source))
        return path

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """What a program's environment is: this one, without any wishes about mplog."""
        found = {name: value for name, value in os.environ.items() if not name.startswith("MPLOG_")}
        found["MPLOG_RUNTIME_DIR"] = str(self.runtime)
        found["PYTHONPATH"] = _IMPORTABLE
        return {**found, **(more or {})}

    def start(
        self,
        source: str,
        *arguments: object,
        environment: Mapping[str, str] | None = None,
        warnings: str = "error",
        stdin: Any = subprocess.DEVNULL,
        stdout: Any = None,
        stderr: Any = None,
    ) -> Running:
        """Start a script, with its output in files unless something else is asked for."""
        number = len(self._started)
        script = self.script(source, f"program{number or ''}.py")
        output, said = self._scripts / f"output{number}", self._scripts / f"said{number}"
        with output.open("wb") as to_output, said.open("wb") as to_said:
            process = subprocess.Popen(
                [sys.executable, "-W", warnings, str(script), *map(str, arguments)],
                cwd=self.here,
                env=self.environment(environment),
                stdin=stdin,
                stdout=to_output if stdout is None else stdout,
                stderr=to_said if stderr is None else stderr,
                text=True,
                start_new_session=True,
            )
        running = Running(process, self.here, output, said)
        self._started.append(running)
        return running

    def run(
        self,
        source: str,
        *arguments: object,
        status: int = 0,
        silent: bool = True,
        environment: Mapping[str, str] | None = None,
        warnings: str = "error",
        within: float = PATIENCE,
    ) -> Ended:
        """Run a script to its end, which must come in time, with *status*, and leave nothing behind.

        Args:
            silent: whether nothing may have been said on standard error.
            within: seconds that it may take.
        """
        running = self.start(source, *arguments, environment=environment, warnings=warnings)
        ended = running.wait(within)
        # First: what a program leaves that was killed says nothing of why.
        assert ended.status == status, f"status {ended.status}, having said {ended.said[-3000:]}"
        self.leaves_nothing()
        said = running._said.read_text(errors="replace")  # What its children have said meanwhile, too.
        assert not (silent and said), f"said on standard error: {said[-3000:]}"
        return Ended(ended.status, ended.output, said, ended.here, ended.seconds)

    def leaves_nothing(self) -> None:
        """No process, nothing in the runtime directory, and beside the logs nothing that the scripts did not want."""
        self.wait_for_members()
        wait_until(
            lambda: not self.runtime_entries(),
            lambda: f"the runtime directory is empty; in it are {self.runtime_entries()}; {self._said()}",
        )
        strange = [
            path.name
            for path in self.here.iterdir()
            if path.name.startswith(".") or not (".log" in path.name or path.suffix == ".txt")
        ]
        assert not strange, f"beside the logs lie {strange}"

    def wait_for_members(self) -> None:
        """Wait until no process of any program is left."""
        for running in self._started:
            wait_until(
                lambda group=running.process.pid: not members(group),  # type: ignore[misc]  # bound now on purpose
                lambda group=running.process.pid: f"no process is left; {members(group)} are; {self._said()}",  # type: ignore[misc]  # the same
            )

    def _said(self) -> str:
        """What each program has said, and its status, for messages of failures."""
        return "; ".join(f"status {each.process.poll()}, having said {each.said_so_far()!r}" for each in self._started)

    def runtime_entries(self) -> list[str]:
        """What is in the runtime directory now."""
        while True:
            with contextlib.suppress(FileNotFoundError):  # Removed while it was looked at.
                return [str(path.relative_to(self.runtime)) for path in self.runtime.rglob("*")]

    def end(self) -> None:
        """Kill what is left of all programs."""
        for running in self._started:
            if running.process.poll() is None or members(running.process.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(running.process.pid, signal.SIGKILL)
            running.process.wait()
            for stream in (running.process.stdin, running.process.stdout, running.process.stderr):
                if stream is not None:
                    with contextlib.suppress(OSError):
                        stream.close()
