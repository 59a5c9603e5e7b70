"""One round: a workshop, a ledger, the programs on one log, and the clock that they all run against.

A scenario acts in an arena; when it leaves, every process is gone, the log has been judged and the directories too.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import time
from collections.abc import Callable, Iterable

from mplog.cli._ledger import GO, READY, STOP, UNUSED, Ledger, LedgerSlot
from stress.job import STRANGER, Job
from stress.processes import DeadlinePassed, Program, wait_until
from stress.settings import Settings
from stress.verdict import Round, settle, unfinished_findings
from stress.workshop import Workshop

_RESTART_RECORDS = 20


class Arena:
    """The stage of one round, and the means to act on it."""

    def __init__(self, settings: Settings, slots: int) -> None:
        self.settings = settings
        self.roles: dict[int, str] = {}
        self.expected: dict[int, int] = {}
        """Slots that must come to their own end, with the records each must have logged (0: any number)."""
        self.findings: list[str] = []
        self.programs: list[Program] = []
        self.deadline = time.monotonic() + settings.timeout
        self.workshop = Workshop()
        self.ledger = Ledger.create(self.workshop.ledger, slots)
        self.job = settings.job("", str(self.workshop.log), str(self.workshop.ledger))
        self._begun = self._ended = time.monotonic()

    def start(self, job: Job, name: str, environment: dict[str, str] | None = None) -> Program:
        """Start one more program of this round."""
        program = Program(job, self.workshop, name, environment)
        self.programs.append(program)
        return program

    def expect(self, slot: int, role: str, records: int) -> None:
        """Note who logs in *slot* and that nobody is going to kill it; `spare_not` takes the latter back."""
        self.roles[slot] = role
        self.expected[slot] = records

    def spare_not(self, slots: Iterable[int]) -> None:
        """Expect no own end of the processes in *slots*: somebody is about to kill them."""
        for slot in slots:
            self.expected.pop(slot, None)

    def wait_ready(self, slots: Iterable[int]) -> None:
        """Return when the processes of all *slots* stand ready to log."""
        waiting = [self.ledger.slot(number) for number in slots]
        self.wait_for(lambda: all(slot.counts().state != UNUSED for slot in waiting), "its workers to stand ready")

    def wait_for(self, condition: Callable[[], bool], what: str) -> None:
        """Poll until *condition* holds; fail when a program has ended or the time is up instead."""
        wait_until(lambda: condition() or self._some_program_failed(), self.deadline)
        if condition():
            return
        for program in self.programs:
            if (program.exit_status or 0) > 0:
                text = f"program {program.name!r} ended with status {program.exit_status} before {what}"
                raise DeadlinePassed(f"{text}.\n{program.said()}")
        stacks = "\n".join(program.stacks() for program in self.programs)
        raise DeadlinePassed(f"waited {self.settings.timeout:.0f} s in vain for {what}.\n{stacks}")

    def _some_program_failed(self) -> bool:
        return any((program.exit_status or 0) > 0 for program in self.programs)

    def go(self) -> None:
        """Let the processes log, and the clock run."""
        self._begun = time.monotonic()
        self.ledger.signal = GO

    def stop(self) -> None:
        """Tell the processes that log without an end to come to one."""
        self.ledger.signal = STOP

    def wait_for_end(self) -> None:
        """Return when all programs have ended by themselves; the clock stops there."""
        for program in self.programs:
            program.wait(self.deadline)
        self._ended = time.monotonic()

    def start_again(self, slot: int) -> None:
        """Start a program on the same log that does little, and that has to finish what the dead left.

        All others have to have ended, or to be about to.
        """
        self.expect(slot, "second start", _RESTART_RECORDS)
        again = dataclasses.replace(
            self.job, role=STRANGER, first_slot=slot, threads=1, records=_RESTART_RECORDS, rate=0.0
        )
        self.start(again, "again")
        self.wait_for_end()

    def slot(self, number: int) -> LedgerSlot:
        """The ledger's slot *number*."""
        return self.ledger.slot(number)

    def kill_process_of(self, number: int) -> bool:
        """SIGKILL the process that logs in slot *number*; return False when it has come to its end already."""
        counts = self.slot(number).counts()
        if counts.state != READY:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(counts.pid, signal.SIGKILL)
        return True

    def judge(self, number: int) -> Round:
        """Read everything back. Every process of the round must have ended before."""
        result = settle(number, self.job, self.settings.seed, self._ended - self._begun, self.roles)
        result.findings[:0] = self.findings
        result.findings += unfinished_findings(result, self.expected)
        result.findings += [
            f"program {program.name!r} ended with status {program.exit_status}"
            for program in self.programs
            if (program.exit_status or 0) > 0
        ]
        result.said = "".join(program.said() for program in self.programs)
        result.left_in_runtime = self.workshop.left_in_runtime()
        return result

    def close(self) -> None:
        """End what is still running and take the directories away."""
        for program in self.programs:
            program.close()
        self.ledger.close()
        self.workshop.clear()


def play(settings: Settings, slots: int, number: int, act: Callable[[Arena], None]) -> Round:
    """Run one round: let *act* do its worst in a fresh arena, then judge.

    A deadline that passes is a finding like any other; the log is judged all the same.
    """
    arena = Arena(settings, slots)
    try:
        try:
            act(arena)
        except DeadlinePassed as late:
            arena.findings.append(str(late))
            arena.expected.clear()
        for program in arena.programs:
            program.close()
        result = arena.judge(number)
        if settings.keep and not result.passed:
            arena.workshop.keep = True
            result.kept_in = str(arena.workshop.root)
        return result
    finally:
        arena.close()
