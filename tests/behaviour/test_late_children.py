"""A child by spawn or forkserver whose program is killed before the child has come so far as to join its session."""

from __future__ import annotations

import signal
from collections import Counter

import pytest
from programs import Program

LATE = """
import multiprocessing, os, signal, sys, time
from mplog import logger

def wait(condition):
    until = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.002)

def sessions():
    try:
        return os.listdir(os.path.join(os.environ["MPLOG_RUNTIME_DIR"], f"mplog-{os.geteuid()}", "sessions"))
    except FileNotFoundError:
        return []

def shown(message):
    raise AssertionError("a sink of the owner's")

def work():
    # The session was found, or is gone since the child has this module, by which it is held up here.
    for count in range(20):
        logger.log("NEW", "late {}", count)
    logger.debug("too low")
    logger.complete()
    multiprocessing.get_context("spawn").Process(target=grandchild).start()

def grandchild():
    logger.log("NEW", "grandchild {}", 0)

if __name__ == "__mp_main__" and not os.path.exists("held.txt"):
    open("held.txt", "w").close()
    wait(lambda: os.path.exists("killed.txt") and not sessions())

if __name__ == "__main__":
    logger.remove()
    logger.level("NEW", no=33)
    logger.configure(extra={"where": "everywhere"})
    logger.add("app.log", format="{level} {extra[where]} {message}", level="INFO", mode="w")
    logger.add(sys.stderr, format="shown {message}", level="NEW")
    logger.add(shown, filter=lambda record: "late" in record["message"])
    owner = os.getpid()
    logger.info("owner")
    context = multiprocessing.get_context(sys.argv[1])
    context.Process(target=work).start()
    if os.fork() == 0:
        logger.info("early")
        wait(lambda: os.getppid() != owner)
        logger.info("early, alone")
        logger.complete()
        open("killed.txt", "w").close()
        os._exit(0)
    wait(lambda: os.path.exists("held.txt"))
    os.kill(owner, signal.SIGKILL)
"""


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_what_it_logs_is_in_the_files(program: Program, method: str) -> None:
    """With the format, the levels and the settings of the dead owner, once; that it is alone is said once."""
    running = program.start(LATE, method)
    assert running.wait().status == -signal.SIGKILL
    program.leaves_nothing()
    late = [f"late {count}" for count in range(20)]
    expected = [f"INFO everywhere {text}" for text in ("owner", "early", "early, alone")]
    expected += [f"NEW everywhere {text}" for text in (*late, "grandchild 0")]
    assert Counter((program.here / "app.log").read_text().splitlines()) == Counter(expected)
    said = Counter(running.said_so_far().splitlines())
    alone = f"the owner of the log (process {running.process.pid}) is gone"
    assert sum(alone in line for line in said) == 2, said
    shown = Counter(f"shown {text}" for text in (*late, "grandchild 0"))
    assert Counter({line: count for line, count in said.items() if line.startswith("shown")}) == shown
    assert len(said) == 2 + len(shown), said


GOES = """
import multiprocessing, os, sys
from mplog import logger

if __name__ == "__mp_main__":
    from mplog._logger import registry
    registry.read = lambda *_: None  # As where the session is removed right after it was joined.

def work():
    logger.info("child")
    logger.complete()

if __name__ == "__main__":
    logger.remove()
    logger.add("app.log", format="<{message}>")
    child = multiprocessing.get_context("spawn").Process(target=work)
    child.start()
    child.join()
    logger.info("owner")
"""


def test_a_session_that_goes_as_it_is_joined(program: Program) -> None:
    """What the owner had configured is known without it."""
    program.run(GOES)
    assert (program.here / "app.log").read_text().splitlines() == ["<child>", "<owner>"]
    program.leaves_nothing()


FIFO = """
import glob, multiprocessing, os
from mplog import logger

def work():
    logger.info("child")
    logger.complete()

if __name__ == "__main__":
    logger.remove()
    logger.add("app.log", format="<{message}>", enqueue=True)
    (path,) = glob.glob(os.environ["MPLOG_RUNTIME_DIR"] + "/*/sessions/*/registry")
    os.unlink(path)
    os.mkfifo(path)
    child = multiprocessing.get_context("spawn").Process(target=work)
    child.start()
    child.join()
    logger.info("owner")
"""


def test_a_fifo_in_the_place_of_the_configuration(program: Program) -> None:
    """Whoever may put it there holds up no start of a child."""
    ended = program.start(FIFO, warnings="ignore").wait()
    assert ended.status == 0, ended
    assert "<owner>" in (program.here / "app.log").read_text().splitlines()
