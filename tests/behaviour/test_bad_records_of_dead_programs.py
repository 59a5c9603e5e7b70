"""One record of a dead program that nothing can be made of costs itself, and none of the others that wait."""

from __future__ import annotations

from pathlib import Path

from programs import Program, assert_once_in_order

COUNT = 100

KILLED = """
import os, signal, time
from forging import Forged
from mplog import logger

def user(record):
    return "{process.id} " + record["extra"]["user"][:0] + "{message}\\n"

logger.remove()
logger.add("app.log", format="{process.id} {message}")
logger.add("formatted.log", format=user)
owner = os.getpid()

def good():
    logger.bind(user="u").info("start 0")
    os.write(ready, b".")
    os.read(go, 1)
    for count in range(1, 100):
        if count == 50:
            logger.info("without 0")
        logger.bind(user="u").info("good {}", count)
    os.write(ready, b".")
    time.sleep(60)

def bad():
    logger.bind(user="u").info("bad 0")
    os.write(ready, b".")
    os.read(go, 1)
    forged = Forged(published=2)
    for kind in (3, 4, 5, 7):
        for body in (b"a\\0b", b"", b"..", b"{}", b"nothing", b"[" * 3000):
            for route in (1, 2, 99):
                forged.put(kind, body, route=route)
    os.write(ready, b".")
    time.sleep(60)

read, ready = os.pipe()
go, begin = os.pipe()
children = []
for run in (good, bad):
    child = os.fork()
    if not child:
        try:
            run()
        finally:
            os._exit(1)
    children.append(child)
for _ in children:
    os.read(read, 1)
logger.complete()
killer = os.fork()
if not killer:
    os.kill(owner, signal.SIGSTOP)
    os.write(begin, b"..")
    for _ in children:
        os.read(read, 1)
    for process in (*children, owner):
        os.kill(process, signal.SIGKILL)
    os._exit(0)
time.sleep(60)
"""

NEXT = """
from mplog import logger

def user(record):
    return "{process.id} " + record["extra"]["user"][:0] + "{message}\\n"

logger.remove()
logger.add("app.log", format="{process.id} {message}")
logger.add("formatted.log", format=user)
"""


def test_a_record_that_cannot_be_rendered_holds_up_no_recovery(program: Program) -> None:
    """The next start writes all others, each once, says what it could not, and leaves nothing behind."""
    program.script((Path(__file__).parent / "forging.py").read_text(), "forging.py")
    program.start(KILLED).wait()
    program.wait_for_members()
    ended = program.start(NEXT).wait()
    program.leaves_nothing()

    assert ended.status == 0, ended.said
    for name in ("app.log", "formatted.log"):
        lines = [line for line in ended.log(name) if line.partition(" ")[2].startswith("good ")]
        assert_once_in_order(lines, [f"good {count}" for count in range(1, COUNT)])
        assert sum("without 0" in line for line in ended.log(name)) == 1
    assert "are no record" in ended.said
