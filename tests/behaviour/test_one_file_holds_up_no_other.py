"""A file that takes nothing, because somebody has its lock, holds up no other sink, and gets its own records later."""

from __future__ import annotations

import pytest
from programs import Program, assert_once_in_order, wait_until

BEGIN = """
    import fcntl, multiprocessing, os, signal, time
    from pathlib import Path
    from mplog import QueueOptions, logger

    def only(name):
        return lambda record: record["extra"].get("to") == name

    def lock(path):
        fd = os.open(path, os.O_RDWR)
        fcntl.flock(fd, fcntl.LOCK_EX)
        return fd

    def wait_for(condition, what):
        deadline = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < deadline, what
            time.sleep(0.005)

    def lines(path):
        return len(Path(path).read_text().splitlines())

    COUNT = 2000
    logger.remove()
    logger.configure(queue=QueueOptions(ring_size=16384))
    logger.add("a.log", format="{process.id} {message}", filter=only("a"))
    logger.add("b.log", format="{process.id} {message}", filter=only("b"))
    got = []
    logger.add(lambda message: got.append(message), format="{message}", filter=only("f"))
    a, b, f = logger.bind(to="a"), logger.bind(to="b"), logger.bind(to="f")
    owner = os.getpid()
"""

LOCKED = """
    child = os.fork()
    if not child:
        a.info("first 0")
        assert logger.complete(20)
        held = lock("a.log")
        for number in range(COUNT):
            a.info("to a {}", number) if number % 10 == 0 else None
            b.info("to b {} " + "z" * 80 + " {}", number, number)
            f.info("f")
        # Nobody has given the lock back: these are there all the same.
        wait_for(lambda: lines("b.log") == COUNT, "b.log has not got its records")
        assert lines("a.log") == 1
        late = []
        for number in range(10):
            began = time.monotonic()
            b.info("last {}", COUNT)
            wait_for(lambda: lines("b.log") == COUNT + 1 + number, "b.log has not got the last one")
            late.append(time.monotonic() - began)
        Path("late.txt").write_text(" ".join(map(str, sorted(late))))
        assert not logger.complete(0.1)
        os.close(held)
        assert logger.complete(20)
        assert lines("a.log") == 1 + COUNT // 10
        (mine,) = [one for one in logger.statistics().processes if one.pid == os.getpid()]
        assert (mine.written, mine.dropped, mine.in_flight) == (mine.emitted, 0, 0), mine
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    logger.complete()
    assert len(got) == COUNT
"""

KILLED = """
    ready, said = os.pipe()
    child = os.fork()
    if not child:
        os.close(said)
        a.info("first 0")
        assert logger.complete(20)
        held = lock("a.log")
        for number in range(COUNT):
            a.info("to a {}", number)
            b.info("to b {}", number)
        wait_for(lambda: lines("b.log") == COUNT, "b.log has not got its records")
        os.kill({victim}, signal.SIGKILL)
        os.read(ready, 1)  # Until the owner is gone.
        os._exit(0)
    os.waitpid(child, 0)
"""

AGAIN = """
    from mplog import logger
    logger.remove()
    for name in ("a.log", "b.log"):
        logger.add(name, format="{process.id} {message}")
"""

FULL = """
    import mplog._writer.backlog as backlog
    backlog.PIECE = backlog.MOST = 64 * 1024
    child = os.fork()
    if not child:
        a.info("first 0")
        assert logger.complete(20)
        held = lock("a.log")
        for number in range(COUNT):
            a.info("to a {}", number)
            b.info("to b {}", number)
        wait_for(lambda: lines("b.log") == COUNT, "b.log has not got its records")
        os.close(held)
        assert logger.complete(20)
        wait_for(lambda: "were dropped here" in Path("a.log").read_text(), "nothing is said of what was dropped")
        (mine,) = [one for one in logger.statistics().processes if one.pid == os.getpid()]
        Path("counts.txt").write_text(f"{mine.emitted} {mine.written} {mine.dropped} {mine.in_flight}")
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
"""

LARGE = """
    from mplog._writer.files import Files

    def never(message, file):
        return False

    attempt = Files._attempt

    def note(files, number, piece):
        made = attempt(files, number, piece)
        Path("tried.txt").touch()
        return made

    Files._attempt = note
    logger.remove()
    logger.add("a.log", format="{process.id} {message}", rotation=never, filter=only("a"))
    logger.add("b.log", format="{process.id} {message}", filter=only("b"))
    child = os.fork()
    if not child:
        a.info("first")
        assert logger.complete(20)
        held = lock("a.log")
        a.info("to a 0")
        # The owner has the text of what it tries in memory: the large one comes when it tries the first one alone.
        wait_for(Path("tried.txt").exists, "nothing of the backlog was tried")
        a.info("y" * 3_000_000)
        for number in range(100):
            a.info("to a {}", number) if number else None
            b.info("to b {}", number)
        wait_for(lambda: lines("b.log") == 100, "b.log has not got its records")
        # Somebody cleans up in a directory that is not theirs.
        (large,) = Path(os.environ["MPLOG_RUNTIME_DIR"]).rglob("spill/*")
        large.unlink()
        if {dies}:
            os.kill(0, signal.SIGKILL)
        os.close(held)
        b.info("to b 100")
        assert logger.complete(20)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
"""

LARGE_AGAIN = """
    from mplog import logger
    logger.remove()
    logger.add("a.log", format="{process.id} {message}", rotation=lambda message, file: False)
    logger.add("b.log", format="{process.id} {message}")
"""


def expected(name: str, count: int, step: int = 1) -> list[str]:
    """The messages for one file."""
    return [f"to {name} {number}" for number in range(0, count, step)]


def test_a_locked_file_gets_its_records_when_it_is_free(program: Program) -> None:
    """Meanwhile others get theirs, within a tenth of a second, and nothing is dropped."""
    ended = program.run(BEGIN + LOCKED, silent=False)

    # On a machine that is busy the lock may be held for so long that it is said.
    assert not [line for line in ended.said.splitlines() if "(somebody else has its lock, for " not in line]
    assert_once_in_order([line for line in ended.log("a.log") if "first" not in line], expected("a", 2000, 10))
    assert len(ended.log("b.log")) == 2010
    late = [float(seconds) for seconds in (ended.here / "late.txt").read_text().split()]
    assert late[0] < 0.1, late  # The best of ten: others may have the machine during some.


@pytest.mark.parametrize("victim", ["owner", "os.getpid()", "0"])
def test_what_waits_survives_kills(program: Program, victim: str) -> None:
    """Whoever is killed while a file is locked, the worker, the owner or all, each record is in its file once."""
    running = program.start(BEGIN + KILLED.replace("{victim}", victim))
    wait_until(lambda: running.process.poll() is not None, "the owner has not ended", within=40)
    program.wait_for_members()
    program.run(AGAIN)

    assert_once_in_order(
        [line for line in running.log("a.log") if "first" not in line],
        expected("a", 2000),
    )
    assert_once_in_order(running.log("b.log"), expected("b", 2000))


def test_what_finds_no_room_is_counted_and_said(program: Program) -> None:
    """When a file takes nothing for so long that memory ends, its own records are dropped, and no others."""
    ended = program.run(BEGIN + FULL, silent=False)

    assert_once_in_order(ended.log("b.log"), expected("b", 2000))
    emitted, written, dropped, in_flight = map(int, (ended.here / "counts.txt").read_text().split())
    assert dropped
    assert (emitted, in_flight) == (written + dropped, 0)
    (said,) = [line for line in ended.log("a.log") if "dropped" in line]
    assert f"mplog: {dropped} records were dropped here" in said


@pytest.mark.parametrize("dies", [False, True])
def test_a_large_record_that_is_gone_stops_nothing(program: Program, dies: bool) -> None:
    """Its file gets all others, and so do other files, and it is said; also when the next program writes it."""
    source = BEGIN + LARGE.replace("{dies}", str(dies))
    if dies:
        program.start(source).wait(40)
        program.wait_for_members()
        ended = program.run(LARGE_AGAIN, silent=False)
    else:
        ended = program.run(source, silent=False)

    assert_once_in_order([line for line in ended.log("a.log") if " to a " in line], expected("a", 100))
    assert_once_in_order(ended.log("b.log"), expected("b", 100 if dies else 101))
    assert "no record" in ended.said
