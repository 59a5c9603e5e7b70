"""Programs in which gevent has replaced threads, locks and sleeps, before mplog is imported."""

from __future__ import annotations

import importlib.util

import pytest
from programs import Program, assert_once_in_order

GREENLETS = """
from gevent import monkey
monkey.patch_all()
import gevent, os, sys
from mplog import logger

logger.remove()
logger.add("app.log", format="{message}", enqueue=sys.argv[1] == "True")

def work(number):
    for count in range(100):
        logger.info("{} {} {}", os.getpid(), number, count)
        gevent.sleep(0)

gevent.joinall([gevent.spawn(work, number) for number in range(8)])
pid = os.fork()
if not pid:
    gevent.joinall([gevent.spawn(work, number) for number in range(8, 10)])
    assert gevent.wait(timeout=20)  # Nothing of mplog keeps the loop from its end.
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
assert logger.complete(timeout=5)
"""


@pytest.mark.skipif(importlib.util.find_spec("gevent") is None, reason="needs gevent")
@pytest.mark.parametrize("enqueue", [False, True])
def test_greenlets_log(program: Program, enqueue: bool) -> None:
    """In the owner and in a forked worker: every record once, and each greenlet's in its order."""
    ended = program.run(GREENLETS, enqueue, warnings="default", silent=False)

    lines = ended.log()
    assert len(lines) == 1000
    for number in range(10):
        own = [f"{number} {line.split()[2]}" for line in lines if line.split()[1] == str(number)]
        assert_once_in_order(own, [str(count) for count in range(100)])
    assert "Traceback" not in ended.said
