"""One run of the demo: configure, work, kill, come to an end, compare with the ledger."""

from __future__ import annotations

import importlib
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from mplog import logger
from mplog.cli._audit import Audit, audit
from mplog.cli._ledger import Ledger
from mplog.cli.demo.crew import Crew, Member

LOG_NAME = "demo.log"
LINE_PREFIX = rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} [+-]\d\d:\d\d \| [A-Z]+ *\| mplog\.cli\.demo\.worker:work:\d+ - "
"""What the default format puts before each message."""

NOTICE_LINE = rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} [+-]\d\d:\d\d \| [A-Z]+ *\| [^\n]*mplog: [^\n]*"

_SPARE_SLOTS = 8
_KILL_AFTER = 0.35
"""The part of the time or of the files after which a worker is killed."""

_PATIENCE = 0.1
_START_SECONDS = 30.0
_UNFINISHED_SECONDS = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line asked for."""

    directory: Path
    workers: int
    seconds: float
    start_method: str | None
    kill: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of it."""

    audit: Audit
    files_offered: int
    files_done: int
    seconds: float
    fallen: set[int]
    """Ledger slots of the workers that died."""
    heirs: dict[int, int]
    """The slots of those that took their places, by theirs."""
    victims: int
    """Workers that the demo itself killed."""
    abandoned: int
    """Files that were given out and never answered for."""

    @property
    def balanced(self) -> bool:
        """Whether every record whose call returned is in the files, once and whole, and no work was left undone."""
        as_planned = not self.abandoned and len(self.fallen) <= self.victims
        return self.audit.balanced and as_planned and self.audit.logged > 0


def run_demo(options: Options, files: list[str]) -> Outcome:
    """Let the workers loose on *files* and return what their log and their ledger say."""
    with tempfile.TemporaryDirectory(prefix="mplog-demo-ledger-") as place:
        slots = options.workers + _SPARE_SLOTS
        with Ledger.create(Path(place) / "ledger", slots) as ledger:
            return _run_with(ledger, options, files)


def _run_with(ledger: Ledger, options: Options, files: list[str]) -> Outcome:
    log = options.directory / LOG_NAME
    logger.remove()
    handler = logger.add(log, rotation="500 KB", compression="gz")
    begun = time.monotonic()
    with Crew(options.workers, options.start_method, ledger.path, ledger.slots) as crew:
        shift = _Shift(crew, options, files)
        shift.work()
        crew.dismiss()
        abandoned = crew.unfinished
        fallen = {member.slot for member in crew.fallen}
    logger.complete()
    seconds = time.monotonic() - begun
    logger.remove(handler)
    return Outcome(
        audit=audit(log, ledger.counts(), prefix=LINE_PREFIX, notice=NOTICE_LINE),
        files_offered=len(files),
        files_done=shift.done,
        seconds=seconds,
        fallen=fallen,
        heirs=crew.heirs,
        victims=0 if shift.victim is None else 1,
        abandoned=abandoned,
    )


class _Shift:
    """The time during which the crew is given work."""

    def __init__(self, crew: Crew, options: Options, files: list[str]) -> None:
        self.done = 0
        self.victim: Member | None = None
        self._crew = crew
        self._options = options
        self._files = files
        self._tasks = deque(files)
        self._hired = time.monotonic()
        self._first_answer: float | None = None

    def work(self) -> None:
        """Hand out files until there are none left or time is up, then wait for what was handed out."""
        with _progress(len(self._files)) as advance:
            while self._spent() < self._options.seconds and (self._tasks or self._crew.unfinished):
                self._crew.supply(self._tasks)
                self._take_answers(advance)
                self._kill_one_when_due()
            deadline = time.monotonic() + _UNFINISHED_SECONDS
            while self._crew.unfinished and time.monotonic() < deadline:
                self._take_answers(advance)

    def _spent(self) -> float:
        """Seconds of work so far. Starting interpreters is not work, however long a busy machine takes for it."""
        if self._first_answer is not None:
            return time.monotonic() - self._first_answer
        return 0.0 if time.monotonic() < self._hired + _START_SECONDS else self._options.seconds

    def _take_answers(self, advance: Callable[[], object]) -> None:
        for _ in self._crew.answers(_PATIENCE):
            self.done += 1
            self._first_answer = self._first_answer or time.monotonic()
            advance()

    def _kill_one_when_due(self) -> None:
        """SIGKILL one worker that is in the middle of its work, once, when a good part of all work is done."""
        if self.victim is not None or not self._options.kill:
            return
        if max(self._spent() / self._options.seconds, self.done / len(self._files)) < _KILL_AFTER:
            return
        busy = [member for member in self._crew.members if member.answered and member.unfinished]
        if busy:
            self.victim = busy[0]
            self.victim.process.kill()


@contextmanager
def _progress(total: int) -> Iterator[Callable[[], object]]:
    """Show a bar on standard error while a terminal is there to see it; give what moves it on by one."""
    try:
        tqdm = importlib.import_module("tqdm").tqdm
    except ImportError:
        Console(stderr=True).print('No progress bar without tqdm: pip install "mplog\\[demo]" brings it.')
        yield lambda: None
        return
    # Its monitor would be a second thread at the fork of a replacement worker, and its default lock a semaphore.
    tqdm.monitor_interval = 0
    tqdm.set_lock(threading.RLock())
    with tqdm(total=total, unit="file", disable=None, dynamic_ncols=True) as bar:
        yield bar.update
