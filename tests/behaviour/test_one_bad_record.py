"""Whatever stands in one ring, the records of all others arrive, each once, and nobody waits for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from programs import Program, assert_once_in_order

COUNT = 300

PROGRAM = """
import json, os, sys, time
from forging import Forged
from mplog import logger

logger.remove()
logger.add("app.log", format="{{process.id}} {{message}}")
logger.add(lambda message: None, format="{{message}}", filter=lambda record: False)

def good(name):
    for count in range({count}):
        logger.info("{{}} {{}}", name, count)
        while count == {count} // 2 and not os.path.exists("damaged.txt"):
            time.sleep(0.001)
    done = logger.complete()
    with open(f"{{name}}.txt", "w") as file:
        file.write(str(bool(done)))

def bad():
    logger.info("bad 0")
    logger.complete()
    forged = Forged()
{damage}
    open("damaged.txt", "w").close()

children = []
for run in (lambda: good("one"), bad, lambda: good("two")):
    child = os.fork()
    if not child:
        try:
            run()
        finally:
            os._exit(0)
    children.append(child)
for child in children:
    os.waitpid(child, 0)
logger.complete()
"""

DAMAGES = {
    "names": r"""
    for kind in (4, 5):
        for name in (b"a\0b", b"", b".", b"..", b"/", b"x" * 300, b"\xff\xfe", "\u20ac".encode() * 100, b"/etc/passwd"):
            forged.put(kind, name)
            forged.put(kind, name, route=2)
""",
    "no records": r"""
    for kind in (0, 3, 5, 6, 7, 255):
        for body in (b"", b"{}", b"[" * 3_000, b"nothing", b"\0" * 100, b'{"t": 1e999}'):
            for route in (1, 2, 99, 2**32 - 1):
                forged.put(kind, body, route=route)
""",
    "no end of a line": r"""
    forged.put(1, b"an open line")
""",
    "times": r"""
    for wall in (float("inf"), float("-inf"), float("nan"), 1e300, -1e300, 253402300000.0):
        forged.put(1, f"{os.getpid()} bad 1\n".encode(), wall=wall)
""",
    "a file with holes": r"""
    forged.spill("holes", 1 << 40)
    forged.put(4, b"holes")
""",
    "a ring with holes": r"""
    forged.further_ring(1 << 42, (1 << 42) - 16)
    forged.further_ring(1 << 30, (1 << 30) - 16)
""",
    "values that collide": r"""
    prime = (1 << 61) - 1
    body = json.dumps({"\u0001": ["set", [count * prime for count in range(1, 60_000)]]}).encode()
    forged.spill("collide", 0, body)
    forged.put(5, b"collide", route=2)
""",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_bad_record_costs_its_own_process_only(program: Program, damage: str) -> None:
    """The ledger of the siblings is exact, and none of their flushes comes to a time-out."""
    program.script((Path(__file__).parent / "forging.py").read_text(), "forging.py")
    ended = program.start(PROGRAM.format(count=COUNT, damage=DAMAGES[damage])).wait()
    program.wait_for_members()
    assert ended.status == 0, ended.said

    lines = [line for line in ended.log() if line.partition(" ")[2].startswith(("one ", "two "))]
    assert_once_in_order(lines, [f"{name} {count}" for name in ("one", "two") for count in range(COUNT)])
    for name in ("one", "two"):
        assert (program.here / f"{name}.txt").read_text() == "True"
    assert sum(path.stat().st_size for path in program.here.glob("*.log")) < 1_000_000
