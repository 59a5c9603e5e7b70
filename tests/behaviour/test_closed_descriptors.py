"""Programs that close descriptors they did not open: mplog goes on, and touches nothing that took their numbers.

Daemons do that. A library that goes on believing the numbers writes its lines into the program's database.
"""

from __future__ import annotations

import pytest
from programs import Program, wait_until

CLOSES = """
import os, pathlib, sys, time
from mplog import logger

kind, options = sys.argv[1], eval(sys.argv[2])
logger.remove()
logger.add("app.log", format="{process.id} {message}", **options)
lead, lag = os.pipe()

def child(name, wait):
    pid = os.fork()
    if not pid:
        logger.info("{} 0", name)
        if wait:
            os.read(lead, 1)
            if kind == "worker":
                replace_all()
        logger.info("{} 1", name)
        check()
        os._exit(0)
    return pid

opened = []

def replace_all():
    # All but the pipe between parent and child; then other things under the same numbers.
    for number in range(3, 64):
        if number not in (lead, lag):
            try:
                os.close(number)
            except OSError:
                pass
    for number in range(12):
        file = open(f"user{number}.txt", "w+")
        file.write("mine")
        file.flush()
        opened.append((file, os.lseek(file.fileno(), 0, os.SEEK_CUR)))
        opened.append((os.pipe(), None))

def check():
    for thing, position in opened:
        if position is None:
            os.set_blocking(thing[0], False)
            try:
                assert not os.read(thing[0], 100)
            except BlockingIOError:
                pass
            os.write(thing[1], b"x")
            assert os.read(thing[0], 100) == b"x"
        else:
            assert os.lseek(thing.fileno(), 0, os.SEEK_CUR) == position
            thing.seek(0)
            assert thing.read() == "mine", thing.read()

first = child("first", True) if kind != "alone" else None
logger.info("owner 0")
while first and "first 0" not in pathlib.Path("app.log").read_text():  # The writer has opened its ring by then.
    time.sleep(0.01)
if kind != "worker":
    replace_all()
for count in range(1, 4):
    logger.info("owner {}", count)
if first:
    os.write(lag, b"!")
    assert os.waitpid(first, 0)[1] == 0
    assert os.waitpid(child("second", False), 0)[1] == 0
    assert logger.complete(timeout=5)
check()
for thing, position in opened:
    thing.close() if position is not None else (os.close(thing[0]), os.close(thing[1]))
"""

DAEMON = """
import os, sys, time
from mplog import logger

logger.remove()
logger.add("app.log", format="{process.id} {message}")
logger.info("before 0")
said = os.path.abspath("said.txt")
if os.fork():
    os._exit(0)
os.setsid()
if os.fork():
    os._exit(0)
os.chdir("/")
os.umask(0)
os.closerange(3, 1024)
numbers = [os.open(said, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600) for _ in range(3)]
for number in range(3):
    os.dup2(numbers[0], number)
for count in range(20):
    logger.info("daemon {}", count)
if not os.fork():
    logger.info("child 0")
    sys.exit()
assert os.wait()[1] == 0
logger.info("daemon 20")
"""

COPIES = """
import os, select, time
from mplog import logger

logger.remove()
logger.add("app.log", format="{process.id} {message}")
worker = os.fork()
if worker:
    assert os.waitpid(worker, 0)[1] == 0
    raise SystemExit
logger.info("worker 0")
logger.complete(20)
os.closerange(3, 64)
ends = [os.pipe() for _ in range(20)]
child = os.fork()
if not child:
    # It has no use for them, and whoever reads there learns that nobody writes any more.
    for reader, writer in ends:
        os.close(reader)
        os.close(writer)
    logger.info("child 0")
    time.sleep(60)
for _, writer in ends:
    os.close(writer)
for reader, _ in ends:
    assert select.select([reader], [], [], 20)[0], reader
    assert os.read(reader, 1) == b""
os.kill(child, 9)
os.waitpid(child, 0)
os._exit(0)
"""


class TestProgramClosesEverything:
    @pytest.mark.parametrize(
        ("who", "options"),
        [
            ("alone", "{}"),
            ("alone", "{'rotation': '1 MB'}"),
            ("owner", "{}"),
            ("owner", "{'enqueue': True}"),
            ("worker", "{}"),
        ],
    )
    def test_and_opens_other_things_under_the_same_numbers(self, program: Program, who: str, options: str) -> None:
        """Every record is in the log, and what the program opened is as the program left it."""
        ended = program.run(CLOSES, who, options)

        children = [] if who == "alone" else [f"{name} {count}" for name in ("first", "second") for count in range(2)]
        assert sorted(line.partition(" ")[2] for line in ended.log()) == sorted(
            [*children, *[f"owner {count}" for count in range(4)]]
        )

    def test_and_forks(self, program: Program) -> None:
        """A child that closes the program's pipes has closed them: no copy of theirs is left in mplog's hands."""
        ended = program.start(COPIES).wait(60)
        assert ended.status == 0, ended.said

    def test_a_daemon(self, program: Program) -> None:
        """Two forks, every descriptor closed, the owner gone: the daemon and its child log on."""
        running = program.start(DAEMON)
        running.wait()
        try:
            wait_until(lambda: "daemon 20" in "".join(running.log()[-1:]), "its last line is there", 30)
        finally:
            said = running.here / "said.txt"
            assert not said.exists() or "Traceback" not in said.read_text(), said.read_text()

        found = [line.partition(" ")[2] for line in running.log()]
        # The child may find the owner gone before the daemon does, whose records wait in its ring until then.
        assert found.count("child 0") == 1
        assert [line for line in found if line != "child 0"] == ["before 0", *[f"daemon {n}" for n in range(21)]]
        program.leaves_nothing()
