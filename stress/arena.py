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
from pathlib import Path

from mplog.cli._audit import Audit
from mplog.cli._ledger import FINISHED, GO, READY, STOP, UNUSED, Ledger, LedgerSlot
from stress import steps
from stress.balance import Owner, owners_findings, statistics_of, summed, told_findings
from stress.job import HOOKLESS, STRANGER, Job
from stress.latency import Latencies
from stress.libraries import ADAPTERS
from stress.phase import PhaseWord
from stress.processes import DeadlinePassed, Program, wait_until
from stress.settings import Settings
from stress.timeline import Kill, Recorder
from stress.verdict import Round, settle, unfinished_findings
from stress.workshop import Workshop

_RESTART_RECORDS = 20
_LAST_PATIENCE = 1.0


class Arena:
    """The stage of one round, and the means to act on it."""

    def __init__(self, settings: Settings, slots: int, disk_bytes: int = 0) -> None:
        self.settings = settings
        self.roles: dict[int, str] = {}
        self.expected: dict[int, int] = {}
        """Slots that must come to their own end, with the records each must have logged (0: any number)."""
        self.findings: list[str] = []
        self.notes: list[str] = []
        self.kills: list[Kill] = []
        self.stuck = 0
        self.counts = ADAPTERS[settings.adapter].counts
        """Whether what the library has counted is compared with the ledger."""
        self.programs: list[Program] = []
        self._ended_before: dict[str, frozenset[int]] = {}
        """By program: the slots of those that were gone when it was started."""
        self.beside: list[Audit] = []
        """What further sinks than the log have, as far as the scenario has read it."""
        self.deadline = time.monotonic() + settings.timeout
        self.workshop = Workshop(log_name=ADAPTERS[settings.adapter].log_name, disk_bytes=disk_bytes)
        self.ledger = Ledger.create(self.workshop.ledger, slots)
        self.latencies = Latencies.create(self.workshop.latencies, slots)
        self.phase = PhaseWord(self.workshop.phase)
        self.recorder = Recorder(self.ledger)
        self.job = settings.job("", str(self.workshop.log), str(self.workshop.ledger), str(self.workshop.latencies))
        self._begun = self._ended = time.monotonic()

    def start(self, job: Job, name: str) -> Program:
        """Start one more program of this round. The first one is the one whose phases are watched."""
        environment = {} if self.programs else {steps.PHASE_VARIABLE: str(self.workshop.phase)}
        ended = [slot for other in self.programs if other.is_gone() for slot in other.job.slots]
        program = Program(job, self.workshop, name, environment)
        self.programs.append(program)
        self._ended_before[name] = frozenset(ended)
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
        self.recorder.start()
        self.ledger.signal = GO

    def stop(self) -> None:
        """Tell the processes that log without an end to come to one."""
        self.ledger.signal = STOP

    def wait_for_end(self) -> None:
        """Return when all programs have ended by themselves; the clock stops there."""
        for program in self.programs:
            program.wait(self.deadline)
        self.note_end()

    def start_again(self, slot: int) -> None:
        """Start a program on the same log that does little, and that has to finish what the dead left.

        All others have to have ended, or to be about to.
        """
        self.expect(slot, "second start", _RESTART_RECORDS)
        again = dataclasses.replace(
            self.job, role=STRANGER, first_slot=slot, threads=1, records=_RESTART_RECORDS, rate=0.0
        )
        self.recorder.mark("started again")
        self.start(again, "again")
        self.wait_for_end()

    def note_end(self) -> None:
        """Stop the clock."""
        self._ended = time.monotonic()

    def slot(self, number: int) -> LedgerSlot:
        """The ledger's slot *number*."""
        return self.ledger.slot(number)

    def wait_for_death(self, number: int) -> None:
        """Return when the process that logs in slot *number* has killed itself, as its job told it."""
        counts = self.slot(number).counts()
        self.wait_for(lambda: not _runs(counts.pid), f"the end of {self.roles[number]}")
        self.note_kill("worker", number)

    def kill_process_of(self, number: int) -> bool:
        """SIGKILL the process that logs in slot *number*; return False when it has come to its end already."""
        counts = self.slot(number).counts()
        if counts.state != READY:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(counts.pid, signal.SIGKILL)
        self.note_kill("worker", number)
        return True

    def note_kill(self, what: str, slot: int) -> None:
        """Put down that somebody was killed just now, with what is known about the moment."""
        counts = self.slot(slot).counts()
        self.kills.append(
            Kill(
                seconds=self.recorder.now(),
                what=what,
                who=self.roles.get(slot, f"slot {slot}"),
                phase=self.phase.value if ADAPTERS[self.settings.adapter].says_phases else None,
                in_call=counts.started > counts.returned,
            )
        )

    def count_stuck(self) -> int:
        """Count the threads that nobody killed and that do not come to their end although they are told to stop."""
        self.stop()
        wait_until(lambda: not self._unfinished(), time.monotonic() + _LAST_PATIENCE)
        return self._unfinished()

    def _unfinished(self) -> int:
        return sum(
            counts.state != FINISHED and _runs(counts.pid)
            for counts in self.ledger.counts()
            if counts.number in self.expected
        )

    def judge(self, number: int) -> Round:
        """Read everything back. Every process of the round must have ended before."""
        course = self.recorder.stop()
        result = settle(number, self.job, self.settings, self._ended - self._begun, self.roles)
        result.findings[:0] = self.findings
        result.findings += unfinished_findings(result, self.expected)
        result.findings += [
            f"program {program.name!r} ended with status {program.exit_status}"
            for program in self.programs
            if (program.exit_status or 0) > 0
        ]
        result.said = "".join(program.said() for program in self.programs)
        if self.counts:
            self._judge_counts(result)
        result.left_in_runtime = self.workshop.left_in_runtime()
        result.course, result.kills, result.notes = course, self.kills, self.notes
        result.stuck = self.stuck
        result.latency = dict(sorted(self.latencies.counts().items()))
        result.missed_ms = self.latencies.missed_ms()
        return result

    def _judge_counts(self, result: Round) -> None:
        """Compare what the library itself has counted with the ledger. A program that was killed has left nothing."""
        owners = []
        for program in self.programs:
            counted = program.statistics()
            if counted is not None:
                owners.append(
                    Owner(
                        program.name,
                        statistics_of(counted),
                        frozenset(program.job.slots),
                        handlers=2 if program.job.slow else 1,
                        ended=self._ended_before[program.name],
                    )
                )
            elif program.exit_status == 0 and program.job.role != HOOKLESS:
                result.findings.append(f"program {program.name!r} has left no statistics")
        audits = [result.audit, *self.beside]
        result.balance = summed(owners, [slot.counts for slot in result.audit.slots])
        result.findings += owners_findings(owners, audits, retention=self.settings.retention is not None)
        if len(owners) == len(self.programs):
            told = [notice for audit in audits for notice in audit.notices]
            result.findings += told_findings(result.balance, [*told, result.said])

    def close(self) -> None:
        """End what is still running and take the directories away."""
        for program in self.programs:
            program.close()
        self.recorder.stop()
        self.ledger.close()
        self.latencies.close()
        self.phase.close()
        self.workshop.clear()


def _runs(pid: int) -> bool:
    """Whether there is a process of that number which has not ended, whether or not its parent has noticed."""
    try:
        os.kill(pid, 0)
        with contextlib.suppress(OSError):
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
        os.kill(pid, 0)  # Its parent may just have noticed.
    except ProcessLookupError:
        return False
    return True


def play(settings: Settings, slots: int, number: int, act: Callable[[Arena], None], disk_bytes: int = 0) -> Round:
    """Run one round: let *act* do its worst in a fresh arena, then judge.

    A deadline that passes is a finding like any other; the log is judged all the same.
    """
    arena = Arena(settings, slots, disk_bytes)
    try:
        try:
            act(arena)
        except DeadlinePassed as late:
            arena.findings.append(str(late))
            arena.stuck = arena.count_stuck()
            arena.expected.clear()
            arena.note_end()
        for program in arena.programs:
            program.close()
        result = arena.judge(number)
        if settings.keep and not result.passed:
            arena.workshop.keep = True
            result.kept_in = str(arena.workshop.root)
        return result
    finally:
        arena.close()
