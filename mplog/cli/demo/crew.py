"""The demo's worker processes: a pipe of tasks each, and a new process with the unfinished part when one dies."""

from __future__ import annotations

import contextlib
import multiprocessing
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import TracebackType

from mplog.cli.demo.worker import work

_AHEAD = 3
"""Tasks in a worker's pipe at a time: enough that it never waits, few enough that little has to be done again."""

_JOIN_SECONDS = 10.0


class CrewExhausted(Exception):
    """So many workers died that something else than the demo's own kill must be at work."""


@dataclass(slots=True, eq=False)
class Member:
    """One worker process and what it was given and has not answered for."""

    process: BaseProcess
    tasks: Connection
    slot: int
    unfinished: deque[str] = field(default_factory=deque)
    answered: int = 0


class Crew:
    """The workers. Leaving the block ends every one of them."""

    def __init__(self, size: int, start_method: str | None, ledger: Path, slots: int) -> None:
        self._context = multiprocessing.get_context(start_method)
        self._ledger = ledger
        self._free_slots = deque(range(slots))
        self.fallen: list[Member] = []
        self.heirs: dict[int, int] = {}
        """The slots of those that took a fallen one's place, by its slot."""
        self.members = [self._hire() for _ in range(size)]

    def _hire(self) -> Member:
        if not self._free_slots:
            raise CrewExhausted(
                f"{len(self.fallen)} workers died, the last one with exit status {self.fallen[-1].process.exitcode}: "
                "look above for what they said, and at the machine's memory."
            )
        slot = self._free_slots.popleft()
        ours, theirs = self._context.Pipe()
        process: BaseProcess = self._context.Process(  # type: ignore[attr-defined]  # each context has its own
            target=work, args=(str(self._ledger), slot, theirs), daemon=True
        )
        process.start()
        theirs.close()  # kept open here, it would hide the worker's death from us
        return Member(process, ours, slot)

    def supply(self, tasks: deque[str]) -> None:
        """Fill up every worker's pipe from *tasks*."""
        for member in list(self.members):
            while tasks and len(member.unfinished) < _AHEAD:
                self._give(member, tasks.popleft())

    def _give(self, member: Member, task: str) -> None:
        member.unfinished.append(task)
        try:
            member.tasks.send(task)
        except OSError:
            self._replace(member)

    def answers(self, timeout: float) -> Iterator[str]:
        """Give the tasks that were finished meanwhile, waiting up to *timeout* seconds for the first one."""
        by_pipe = {member.tasks: member for member in self.members}
        for pipe in wait(list(by_pipe), timeout):
            member = by_pipe[pipe]  # type: ignore[index]  # `wait` gives back what it was given
            try:
                task: str = member.tasks.recv()
            except (EOFError, OSError):
                self._replace(member)
                continue
            member.unfinished.remove(task)
            member.answered += 1
            yield task

    def _replace(self, fallen: Member) -> None:
        """Put a new process in the place of a dead one and give it what the dead one left."""
        if fallen not in self.members:
            return
        fallen.tasks.close()
        fallen.process.join(_JOIN_SECONDS)
        self.fallen.append(fallen)
        heir = self._hire()
        self.heirs[fallen.slot] = heir.slot
        self.members[self.members.index(fallen)] = heir
        for task in fallen.unfinished:
            self._give(heir, task)

    @property
    def unfinished(self) -> int:
        """Tasks that were given out and not answered for."""
        return sum(len(member.unfinished) for member in self.members)

    def dismiss(self) -> None:
        """Let every worker come to its own end and wait for it."""
        for member in self.members:
            with contextlib.suppress(OSError):  # it died with nothing left to do: nobody needs to take its place
                member.tasks.send(None)
        for member in self.members:
            member.process.join(_JOIN_SECONDS)

    def __enter__(self) -> Crew:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for member in self.members:
            if member.process.is_alive():
                member.process.kill()
            member.process.join()
            member.tasks.close()
