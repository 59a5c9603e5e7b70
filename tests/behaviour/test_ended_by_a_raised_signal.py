"""A program that ends itself by a signal, as servers do that raise again the one that stopped them, leaves nothing.

beyond.md, row 27: `shutdown()` does by hand what happens there.
"""

from __future__ import annotations

import signal

import pytest
from programs import Program, assert_once_in_order, wait_until

ENDS = {
    "raise_signal": "signal.raise_signal(number)",
    "kill": "os.kill(os.getpid(), number)",
    "killpg": "os.killpg(0, number)",
    "from a handler": "signal.signal(number, again); os.kill(os.getpid(), number); time.sleep(20)",
    "from a thread": "threading.Thread(target=os.kill, args=(os.getpid(), number)).start(); time.sleep(20)",
}

OWNER = """
import os, signal, sys, threading, time
from mplog import logger

number = signal.SIGTERM

def again(number, frame):
    signal.signal(number, signal.SIG_DFL)
    logger.info("owner 400")
    os.kill(os.getpid(), number)

logger.remove()
logger.add("app.log", format="{process.id} {message}", enqueue=True)
if "worker" in sys.argv and not os.fork():
    for count in range(400):
        logger.info("worker {}", count)
    os._exit(0)
for count in range(400):
    logger.info("owner {}", count)
"""

LATER_WORKER = """
import os, signal, time
from mplog import logger

logger.remove()
logger.add("app.log", format="{process.id} {message}")
told, tell = os.pipe()
owner = os.getpid()
if not os.fork():
    logger.info("worker 0")
    os.write(tell, b"!")
    while os.getppid() == owner:
        time.sleep(0.001)
    logger.info("worker 1")
    signal.raise_signal(signal.SIGTERM)
os.read(told, 1)
signal.raise_signal(signal.SIGTERM)
"""

STRANGER = """
import os, signal, sys, time
from mplog import logger

name = sys.argv[1]
logger.remove()
logger.add("app.log", format="{process.id} {message}")
count = 0
def log():
    global count
    logger.info(f"{name} {{}}", count)
    count += 1
end = time.monotonic() + 20
while not os.path.exists("stop.txt"):
    log()
    time.sleep(0.0005)
    assert time.monotonic() < end
for _ in range(100):
    log()
with open(f"{name}.txt", "w") as file:
    file.write(str(count))
signal.raise_signal(signal.SIGTERM)
"""

SURVIVES = """
import copy, inspect, os, pickle, signal
import mplog
from mplog import logger

before = os.kill, signal.raise_signal
assert not hasattr(os.kill, "__wrapped__")  # Nothing is replaced in a program that has nothing to end.
logger.remove()
logger.add("app.log", format="{process.id} {message}", enqueue=True)
logger.info("owner 0")

got = []
signal.signal(signal.SIGTERM, lambda *_: got.append(1))
signal.raise_signal(signal.SIGTERM)
os.kill(os.getpid(), 0)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.raise_signal(signal.SIGTERM)
signal.signal(signal.SIGTERM, signal.SIG_DFL)
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
signal.raise_signal(signal.SIGTERM)
assert signal.sigwait({signal.SIGTERM}) == signal.SIGTERM
for wrong in ((), ("x",), (1, 2, 3)):
    try:
        signal.raise_signal(*wrong)
    except TypeError:
        pass
assert got == [1]
assert logger.health().ok and logger._core.sessions.host is not None  # None of these was an end.
for function in (os.kill, os.killpg, signal.raise_signal):
    assert function.__wrapped__ and pickle.loads(pickle.dumps(function)) is function
    assert copy.deepcopy(function) is function
    assert str(inspect.signature(function)) == str(inspect.signature(function.__wrapped__))
class Sender:
    send = os.kill  # What a class has of a function of C is no method.
Sender().send(os.getpid(), 0)
assert os.kill.__name__ == "kill" and signal.raise_signal.__module__ == before[1].__module__
logger.info("owner 1")
"""


@pytest.mark.parametrize("how", ENDS)
@pytest.mark.parametrize("who", ["alone", "worker"])
def test_an_owner(program: Program, how: str, who: str) -> None:
    """All that it and its workers have logged is in the file, and the session is gone, without another start."""
    extra = ["owner 400"] if how == "from a handler" else []
    ending = ENDS[how] if who == "alone" else "os.wait()\n" + ENDS[how]
    ended = program.run(OWNER + ending, who, status=-signal.SIGTERM)
    expected = [f"owner {count}" for count in range(400)] + extra
    expected += [f"worker {count}" for count in range(400)] if who == "worker" else []
    assert_once_in_order(ended.log(), expected)


def test_the_owner_first_and_then_its_worker(program: Program) -> None:
    """What a worker logs between its owner's end and its own is in the file, and the session is gone."""
    ended = program.run(LATER_WORKER, status=-signal.SIGTERM, silent=False)
    assert "now writes its files by itself" in ended.said
    assert ended.said.count("\n") == 1, ended.said
    assert_once_in_order(ended.log(), ["worker 0", "worker 1"])


def test_programs_without_a_common_parent(program: Program) -> None:
    """Host and guests end at about the same time, each by a signal: all is in the file, and no session is left."""
    running = [program.start(STRANGER, name) for name in "abcd"]
    log = running[0].here / "app.log"
    for name in "abcd":
        wait_until(lambda name=name: log.exists() and f" {name} 50\n" in log.read_text(), f"{name} logs", 30)  # type: ignore[misc]  # bound now on purpose
    (running[0].here / "stop.txt").touch()
    for each in running:
        ended = each.wait()
        assert ended.status == -signal.SIGTERM, ended.said
        assert not ended.said
    program.leaves_nothing()
    counts = {name: int((running[0].here / f"{name}.txt").read_text()) for name in "abcd"}
    assert_once_in_order(running[0].log(), [f"{name} {n}" for name, count in counts.items() for n in range(count)])


def test_signals_that_do_not_end_the_program(program: Program) -> None:
    """A signal that is handled, ignored, blocked or no signal at all ends nothing."""
    assert_once_in_order(program.run(SURVIVES).log(), ["owner 0", "owner 1"])
