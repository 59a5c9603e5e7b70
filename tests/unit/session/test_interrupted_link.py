"""A signal handler at every line of what a link does: what it logs is published when its call returns, and nothing it
raises leaves the link without a way to log, or a mutex locked."""

from __future__ import annotations

import contextlib
import tempfile
import threading
from pathlib import Path
from typing import Any

import pytest
from interrupting import Interruption, at_every_place, in_a_thread, interrupt
from programs import FULL

from mplog._logger import ending
from mplog._logger.core import Core
from mplog._logger.logger import Logger
from mplog._ring.layout import ENDED, RUN_STATE, STOPPED, WAKE
from mplog._ring.ring import Producer
from mplog._ring.ring_file import RingFile, open_existing
from mplog._session import recovery, rings, settling
from mplog._session.host import Host
from mplog._session.intake import Intake
from mplog._session.link import Link
from mplog._session.membership import Membership
from mplog._session.orphan import Orphan
from mplog._session.patience import Patience
from mplog._session.queue_options import QueueOptions
from mplog._sinks.file import lock, slot, take_back
from mplog._sinks.file.commit import Commits
from mplog._sinks.file.sink import FileSink
from mplog._sinks.file.use import FileUse
from mplog._sinks.limit import Limit
from mplog._writer.writer import Writer

LINK = [Link, Membership, Patience, Orphan]
COMMIT = [FileSink, FileUse, Commits, recovery.write_rest, settling.settle_intent, slot.Slot, take_back.take_back]
STEP = 1 if FULL else 9


class Owner:
    """A program with a session whose writer does nothing by itself."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "app.log"
        self.logger = Logger(Core(), {})
        self.logger.configure(queue=QueueOptions(ring_size=16 * 1024, block_timeout=0.0, shutdown_timeout=5.0))
        self.logger.add(self.path, format="{message}", enqueue=True)
        host = self.logger._core.sessions.host
        link = self.logger._core.handlers()[0].link
        assert host is not None
        assert link is not None
        self.host, self.link = host, link
        assert host.writer.stop(20)

    def first(self) -> None:
        """It has no ring yet."""

    def grow(self) -> None:
        """Its ring is full."""
        self.logger.info("before")
        producer = self.link.producer
        assert producer is not None
        while producer.push(1.0, 0, 50, b"filling\n" * 10):
            pass

    def takeover(self) -> None:
        """Its writer is gone, and has left some records."""
        for number in range(3):
            self.logger.info("unread {}", number)
        self.host.front.set(RUN_STATE, ENDED)
        self.host.front.stop_service()
        self.host.front.set(WAKE, STOPPED)

    def published(self) -> list[str]:
        """What is in the file, or in a ring that the next program would find."""
        lines = self.path.read_text().splitlines()
        for path in rings.listed(self.host.place.ring_directories):
            ring = open_existing(path)
            lines += [line for entry in ring.reader().read(0) for line in entry[7].decode().splitlines()]
            ring.close()
        return lines

    def end(self) -> list[str]:
        """All lines, but those that were only to fill the ring."""
        assert self.host.writer.finish(Limit(20))
        self.link.close()
        assert self.host.writer.finish(Limit(20))
        lines = self.path.read_text().splitlines()
        self.logger.remove()
        self.host.finish()
        return [line for line in lines if line != "filling"]


CASES = [("first", LINK), ("grow", LINK), ("takeover", LINK), ("takeover", COMMIT)]
IDS = ["first", "grow", "takeover", "commit of a takeover"]
BEFORE = {"first": [], "grow": ["before"], "takeover": ["unread 0", "unread 1", "unread 2"]}


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("state", "places"), CASES, ids=IDS)
def test_what_a_handler_logs_is_published_at_once(state: str, places: list[Any], tmp_path: Path) -> None:
    """And everything else once."""

    def attempt(interruption: Interruption) -> None:
        owner = Owner(Path(tempfile.mkdtemp(dir=tmp_path)))
        getattr(owner, state)()
        at_once: list[str] = []

        def handler() -> None:
            owner.logger.info("handler")
            at_once.extend(owner.published())

        interruption.run(lambda: owner.logger.info("outer"), handler)
        where = interruption.where
        in_a_thread(lambda: owner.logger.info("thread"), where)
        owner.logger.info("after")
        expected = [*BEFORE[state], "after", "outer", "thread"] + ["handler"] * interruption.came
        assert sorted(owner.end()) == sorted(expected), where
        assert "handler" in at_once or not interruption.came, where

    assert at_every_place(places, attempt, step=STEP) > 5


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("state", "places"), CASES, ids=IDS)
def test_what_a_handler_raises_leaves_the_link_usable(state: str, places: list[Any], tmp_path: Path) -> None:
    """By this thread and others; nothing is doubled, and what was there before is not lost."""

    def attempt(interruption: Interruption) -> None:
        owner = Owner(Path(tempfile.mkdtemp(dir=tmp_path)))
        getattr(owner, state)()
        with contextlib.suppress(KeyboardInterrupt):
            interruption.run(lambda: owner.logger.info("outer"), interrupt)
        where = interruption.where
        in_a_thread(lambda: owner.logger.info("thread"), where)
        owner.logger.info("after")
        account = owner.link.account()
        assert account.in_flight >= 0, where
        assert account.dropped == 0, where
        lines = owner.end()
        assert len(set(lines)) == len(lines), where
        assert set(lines) - {"outer"} == {*BEFORE[state], "after", "thread"}, where

    assert at_every_place(places, attempt, step=STEP) > 5


@pytest.mark.timeout(120)
def test_a_takeover_does_not_wait_for_a_push_whose_handler_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread is on its way into the ring that another one takes over, and a signal handler logs right there."""
    owner = Owner(tmp_path)
    owner.takeover()
    ring = owner.link.producer
    assert isinstance(ring, Producer)
    taking, pushing = threading.Event(), threading.Event()
    write_streams = Orphan._write_streams

    def in_the_middle(orphan: Orphan) -> None:
        taking.set()
        assert pushing.wait(20)
        write_streams(orphan)

    def handler() -> None:
        pushing.set()
        owner.logger.info("handler")

    def push() -> None:
        with ring._mutex:  # As a push that came too late, and which the handler interrupts.
            handler()

    monkeypatch.setattr(Orphan, "_write_streams", in_the_middle)
    other = threading.Thread(target=owner.link.membership.become_orphan, daemon=True)
    other.start()
    assert taking.wait(20)
    in_a_thread(push, "a takeover")
    other.join(20)
    assert not other.is_alive()
    owner.logger.info("after")
    assert owner.end() == [*BEFORE["takeover"], "handler", "after"]


@pytest.mark.timeout(120)
def test_a_record_that_is_kept_does_not_wait_for_a_push_whose_handler_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same where the file takes nothing now, so that all threads go on publishing in the ring."""
    owner = Owner(tmp_path)
    owner.takeover()
    owner.logger.configure(queue=QueueOptions(ring_size=16 * 1024, block_timeout=0.1, shutdown_timeout=5.0))
    ring = owner.link.producer
    assert isinstance(ring, Producer)
    unsealing, pushing = threading.Event(), threading.Event()
    unseal = Producer.unseal

    def in_the_middle(producer: Producer) -> None:
        unsealing.set()
        assert pushing.wait(20)
        unseal(producer)

    def push() -> None:
        with ring._mutex:
            pushing.set()
            owner.logger.info("handler")

    with (tmp_path / "app.log").open("ab") as file:
        assert lock.acquire(file.fileno(), 5.0)
        owner.link.membership.become_orphan()
        monkeypatch.setattr(Producer, "unseal", in_the_middle)
        other = threading.Thread(target=owner.logger.info, args=("kept",), daemon=True)
        other.start()
        assert unsealing.wait(20)
        in_a_thread(push, "a record that is kept")
        other.join(20)
        assert not other.is_alive()
    owner.link.close()
    lines = owner.end()
    assert lines[:4] == [*BEFORE["takeover"], "kept"]
    assert ("handler" in lines) + owner.link.account().dropped == 1


@pytest.mark.timeout(600)
def test_no_thread_waits_for_a_handler_that_interrupts_the_statistics(tmp_path: Path) -> None:
    """A thread that takes over counts what it writes meanwhile, and the handler may wait for that."""
    owner = Owner(tmp_path)
    owner.takeover()
    owner.logger.info("outer")
    orphan = owner.link.producer
    assert isinstance(orphan, Orphan)

    def attempt(interruption: Interruption) -> None:
        def handler() -> None:
            in_a_thread(lambda: orphan._count(0), interruption.where)

        interruption.run(owner.link.account, handler)

    assert at_every_place([Orphan.account], attempt, each="opcode") > 30
    assert owner.end() == [*BEFORE["takeover"], "outer"]


@pytest.mark.timeout(600)
def test_a_flush_during_which_a_handler_takes_over(tmp_path: Path) -> None:
    """It finds another producer than the one it began to wait for, and everything written."""

    def attempt(interruption: Interruption) -> None:
        owner = Owner(Path(tempfile.mkdtemp(dir=tmp_path)))
        owner.takeover()
        done: list[bool] = []
        interruption.run(lambda: done.append(owner.link.flush(Limit(20))), lambda: owner.logger.info("handler"))
        assert done == [True], interruption.where
        assert owner.end() == [*BEFORE["takeover"]] + ["handler"] * interruption.came

    assert at_every_place([Link.flush], attempt, each="opcode") > 30


@pytest.mark.timeout(600)
def test_what_a_handler_raises_costs_no_early_ring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be the only one that the process can ever have: the next call goes on in it."""

    def none_more(*_: object, **__: object) -> RingFile:
        raise PermissionError("another user by now")

    def attempt(interruption: Interruption) -> None:
        owner = Owner(Path(tempfile.mkdtemp(dir=tmp_path)))
        owner.link.begin_early()
        early = owner.link.membership._early
        assert early is not None
        with monkeypatch.context() as patched:
            patched.setattr(owner.link.membership, "_make_ring", none_more)
            with contextlib.suppress(KeyboardInterrupt):
                interruption.run(lambda: owner.logger.info("outer"), interrupt)
            owner.logger.info("after")
        where = interruption.where
        assert owner.link.ring is early, where
        lines = owner.end()
        assert lines in (["outer", "after"], ["after"]), where

    assert at_every_place([Membership._open_ring, Membership._use_early, Membership._use, RingFile.begin], attempt) > 10


@pytest.mark.timeout(600)
def test_an_end_that_is_interrupted_is_brought_to_its_end_by_the_next(tmp_path: Path) -> None:
    """Whatever was published before it, and after it, is in the file then, once, and nothing is left of the session."""

    def attempt(interruption: Interruption) -> None:
        owner = Owner(Path(tempfile.mkdtemp(dir=tmp_path)))
        for number in range(3):
            owner.logger.info("unread {}", number)
        with contextlib.suppress(KeyboardInterrupt):
            interruption.run(owner.host.finish, interrupt)
        owner.logger.info("after")
        ending.stop(owner.logger._core, Limit(1.0), final=False)
        where = interruption.where
        assert owner.path.read_text().splitlines() == [*BEFORE["takeover"], "after"], where
        assert not Path(owner.host.place.path).exists(), where
        owner.logger.remove()

    places = [Host.finish, Host._finish, Writer.finish, Intake.let_go, Intake._reclaim, RingFile.close]
    assert at_every_place(places, attempt, step=1 if FULL else 5) > 20
