"""A program that runs for months: nothing that it does again and again takes more with each turn.

Descriptors, threads and mapped files are counted, by the kernel's own lists, around many turns of the same; so are the
bytes of rings that have no name any more.
"""

from __future__ import annotations

import json

import pytest
from programs import FULL, Program, wait_until

import mplog
from mplog._logger.logger import Logger

TURNS = 1000 if FULL else 60

COUNTS = """
import asyncio, contextlib, copy, gc, io, json, logging, os, sys, threading, time
import mplog
from mplog import QueueOptions, attach, logger

def links():
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            yield f"/proc/self/fd/{name}"

def counts():
    '''What this process has: descriptors, threads, mapped files, and bytes of rings without a name.'''
    gc.collect()
    with open("/proc/self/maps") as maps:
        mapped = [line.split(maxsplit=5) for line in maps if "/" in line]
    kept = sum(
        int(end, 16) - int(begin, 16)
        for (begin, end), path in ((line[0].split("-"), line[5]) for line in mapped)
        if ".ring" in path and path.endswith("(deleted)\\n")
    )
    return {
        "descriptors": sum(os.path.lexists(link) for link in links()),
        "threads": len(os.listdir("/proc/self/task")),
        "maps": len(mapped),
        "kept": kept,
    }

def is_flat(before, turn, times):
    '''Take *turn* many times; what has grown by then, and does not go away.'''
    for _ in range(times):
        turn()
    deadline = time.monotonic() + 15  # What is cleaned up now and then may take its time.
    while True:
        after = counts()
        # A turn may have been in the middle of something at the first count.
        grown = {name: (before[name], after[name]) for name in before if after[name] > before[name]}
        if not grown or time.monotonic() > deadline:
            return grown
        time.sleep(0.05)

def warmed(turn, times=5):
    for _ in range(times):
        turn()
    return counts()
"""

CYCLES = (
    COUNTS
    + """
kind, options, turns = sys.argv[1], eval(sys.argv[2]), int(sys.argv[3])
logger.remove()
loop = asyncio.new_event_loop() if kind == "coroutine" else None

async def coroutine(message):
    pass

def turn():
    kinds = {
        "file": lambda: "app.log",
        "function": lambda: lambda message: None,
        "stream": io.StringIO,
        "standard": logging.NullHandler,
        "coroutine": lambda: coroutine,
    }
    more = {"loop": loop} if kind == "coroutine" else {}
    number = logger.add(kinds[kind](), **options, **more)
    logger.info("x")
    logger.remove(number)

print(json.dumps(is_flat(warmed(turn), turn, turns)))
if loop is not None:
    loop.close()
"""
)

GROWS = (
    COUNTS
    + """
logger.remove()
logger.configure(queue=QueueOptions(ring_size=16384, block_timeout=0.0, further_rings=2))
logger.add("app.log", format="{message}")
if not os.fork():
    def turn():
        for _ in range(300):  # About two rings.
            logger.info("y" * 100)
        logger.complete()
    before = warmed(turn, 20)
    # A few rings that are not told of yet; see MOST_UNTOLD.
    few = {"kept": 16 * 2**16, "maps": 40}  # A ring takes two.
    before = {name: count + few.get(name, 16) for name, count in before.items()}
    grown = is_flat(before, turn, int(sys.argv[1]))
    with open("grown.txt", "w") as file:
        file.write(json.dumps(grown))
    os._exit(0)
print(json.dumps(is_flat({**counts(), "descriptors": 40}, lambda: None, 0)))
os.wait()
"""
)

HOST = """
import os, sys, time
from mplog import logger

logger.remove()
logger.add("app.log", format="{message}", enqueue=True)
until = f"{sys.argv[1]}.end.txt"
while not os.path.exists(until):
    logger.info("host")
    time.sleep(0.002)
"""

GUEST = (
    COUNTS
    + """
logger.remove()
logger.add("app.log", format="{message}")
company = logger._core.sessions.company

def log_until(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        logger.info("guest")
        time.sleep(0.002)

def counted(number):
    with open(f"counts{number}.new.txt", "w") as file:
        json.dump(counts(), file)
    os.rename(f"counts{number}.new.txt", f"counts{number}.txt")
"""
)

LEAVING = (
    GUEST
    + """
for number in range(int(sys.argv[1])):
    log_until(lambda: any(not link.orphaned and link.producer for link in company.links()))
    counted(number)
    log_until(lambda: os.path.exists(f"gone{number}.txt"))
"""
)

CALLS = (
    COUNTS
    + """
# Each leaves everything as it was. `start` and `stop` are refused old names; see the test of the names below.
CALLS = {
    "add": lambda: logger.remove(logger.add(lambda message: None, enqueue=True)),
    "remove": lambda: logger.remove(logger.add("more.log")),
    "complete": lambda: logger.complete(timeout=10),
    "configure": lambda: logger.configure(extra={"a": 1}, queue=QueueOptions(further_rings=2)),
    "reinstall": lambda: logger.reinstall() if mine else None,
    "copy": lambda: copy.copy(logger).info("x"),
    "bind": lambda: logger.bind(a=1).info("x"),
    "catch": lambda: logger.catch(lambda: 1 / 0)(),
    "contextualize": lambda: logger.contextualize(a=1).__enter__(),
    "opt": lambda: logger.opt(lazy=True).info("{}", lambda: 1),
    "patch": lambda: logger.patch(lambda record: None).info("x"),
    "level": lambda: logger.level("INFO", color="<red>"),
    "log": lambda: logger.log("INFO", "x"),
    "exception": lambda: logger.exception("x"),
    "disable": lambda: logger.disable("elsewhere"),
    "enable": lambda: logger.enable("elsewhere"),
    "parse": lambda: list(logger.parse(__file__, "(?P<word>import)")),
    "health": lambda: str(logger.health()),
    "statistics": lambda: str(logger.statistics()),
    "reopen": lambda: logger.reopen(),
    "shutdown": lambda: logger.shutdown(5),
    "attach": lambda: attach(),
    **{name: (lambda name=name: getattr(logger, name)("x")) for name in
       ("trace", "debug", "info", "success", "warning", "error", "critical")},
}

def call_all(turns):
    grown = {}
    for name, call in CALLS.items():
        found = is_flat(warmed(call), call, turns)
        if found:
            grown[name] = found
    return grown
"""
)

OWNER_AND_WORKER = (
    CALLS
    + """
import multiprocessing

def work():
    global mine
    mine = False
    logger.info("first")
    with open("worker.txt", "w") as file:
        file.write(json.dumps(call_all(int(sys.argv[2]))))

mine = True
if __name__ == "__main__":
    logger.remove()
    logger.add("app.log", format="{message}", rotation="50 KB", retention=3)
    logger.add(lambda message: None, enqueue=True)
    child = multiprocessing.get_context(sys.argv[1]).Process(target=work)
    child.start()
    while not os.path.getsize("app.log"):  # The ring of the worker is one more here.
        time.sleep(0.01)
    with open("owner.txt", "w") as file:
        file.write(json.dumps(call_all(int(sys.argv[2]))))
    child.join()
    assert child.exitcode == 0
"""
)

AS_GUEST = (
    GUEST
    + CALLS.removeprefix(COUNTS)
    + """
mine = False
log_until(lambda: company.links())
def at_home():
    # The host serves one file; what changes the handlers leaves it for a moment.
    log_until(lambda: company.links())
    return counts()
with open("guest.txt", "w") as file:
    file.write(json.dumps(call_all(int(sys.argv[1]))))
"""
)


@pytest.mark.parametrize("enqueue", [False, True], ids=["direct", "enqueued"])
@pytest.mark.parametrize("kind", ["file", "function", "stream", "standard", "coroutine"])
def test_handlers_that_come_and_go(program: Program, kind: str, enqueue: bool) -> None:
    """Adding a handler, logging to it and removing it again, for ever."""
    ended = program.run(CYCLES, kind, {"enqueue": enqueue}, TURNS)
    assert json.loads(ended.output) == {}


def test_rings_that_are_full_again_and_again(program: Program) -> None:
    """A worker that goes on in a further ring at each rush keeps nothing of those that are drained."""
    ended = program.run(GROWS, TURNS, silent=False, within=120)
    assert json.loads((program.here / "grown.txt").read_text()) == {}
    assert json.loads(ended.output) == {}


def test_hosts_that_a_guest_outlives(program: Program) -> None:
    """A program that was the guest of many has as much open as when it was the guest of the first."""
    turns = 12
    guest = program.start(LEAVING, turns)
    counts = []
    for number in range(turns):
        host = program.start(HOST, number)
        wait_until(
            (program.here / f"counts{number}.txt").exists,
            lambda: f"the guest has counted; it said {guest.said_so_far()!r}",
            30,
        )
        (program.here / f"{number}.end.txt").touch()
        assert host.wait().status == 0
        (program.here / f"gone{number}.txt").touch()
        counts.append(json.loads((program.here / f"counts{number}.txt").read_text()))
    assert guest.wait().status == 0
    assert counts[-1]["descriptors"] <= counts[1]["descriptors"]
    assert counts[-1]["threads"] <= counts[1]["threads"]
    # The control pages of some hosts that were left, where a call of a thread may still be on its way.
    assert counts[-1]["maps"] <= counts[1]["maps"] + 9, counts
    assert counts[-1]["kept"] <= counts[1]["kept"] + 9 * 4096, counts


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_each_public_call_in_owner_and_worker(program: Program, method: str) -> None:
    """Whatever is called again and again."""
    program.run(OWNER_AND_WORKER, method, 20, silent=False, within=120)
    assert json.loads((program.here / "owner.txt").read_text()) == {}
    assert json.loads((program.here / "worker.txt").read_text()) == {}


def test_each_public_call_in_a_guest(program: Program) -> None:
    """Also where another program writes the file."""
    host = program.start(HOST, "only")
    guest = program.start(AS_GUEST, 20).wait(120)
    (program.here / "only.end.txt").touch()
    assert guest.status == 0, guest.said
    assert json.loads((program.here / "guest.txt").read_text()) == {}
    assert host.wait().status == 0


def test_all_names_are_called() -> None:
    """A method that is added to the logger is called above, too."""
    # Those that standard logging has are there to say what to write instead.
    listed = {name for name in vars(Logger) if hasattr(mplog.logger, name)} - {"start", "stop"}
    missing = [name for name in listed if not name.startswith("_") and f'"{name}"' not in CALLS]
    assert not missing
