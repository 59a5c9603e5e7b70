"""Forks that run none of Python's hooks, as those of servers that embed it and of libraries: nobody tells the child
that it is another process, and it shares locks, descriptors and its parent's ring.
"""

from __future__ import annotations

import textwrap

import pytest
from programs import Program, assert_once_in_order

PRELUDE = """
    import ctypes, os, re, sys, threading, time
    from mplog import logger

    def fork():
        # Python itself hangs in the child where some other thread wants the interpreter's lock at that instant, for it
        # waits for that thread to take it. So those of mplog are at rest.
        sessions = logger._core.sessions
        deadline = time.monotonic() + 10
        sessions.lookout.pause(deadline)
        if sessions.host:
            sessions.host.pause(deadline)
        pid = ctypes.PyDLL(None).fork()
        if pid:
            logger._core.forks.resume_threads()
        return pid

    def wait_for_sleep(thread):
        # Until it sleeps for as long as it likes: whoever waits for the interpreter's lock looks every 5 ms, or runs.
        deadline, before = time.monotonic() + 20, ""
        while True:
            with open(f"/proc/self/task/{thread.native_id}/status") as status:
                looked = re.sub("nonvoluntary.*", "", status.read().partition("State:")[2])
            state, changes = looked.split()[0], re.search(r"voluntary_ctxt_switches:\\s*(\\d+)", looked)[1]
            if state == "S" and changes == before:
                return
            assert time.monotonic() < deadline
            before = changes
            time.sleep(0.05)

    def wait_for(*pids):
        for pid in pids:
            assert os.waitpid(pid, 0)[1] == 0

    logger.remove()
"""

NO_WIPING = """
    import mmap

    class Mmap(mmap.mmap):
        def madvise(self, option, *rest):
            if option == 18:
                raise OSError(22, "Invalid argument")
            super().madvise(option, *rest)

    mmap.mmap = Mmap
"""

WORKER = """
    logger.add("app.log", format="{process.id} {message}")
    worker = os.fork()
    if not worker:
        logger.info("worker 0")
        child = fork()
        who = "worker" if child else "child"
        for count in range(1, 1000):
            logger.info("{} {}", who, count)
        if child:
            wait_for(child)
        os._exit(0)
    wait_for(worker)
"""

SIBLINGS = """
    logger.add("app.log", format="{process.id} {message}", rotation="4 KB", compression=sys.argv[1] or None)
    logger.info("parent 0")
    begin, go = os.pipe()
    pids = []
    for n in range(8):
        pids.append(fork())
        if not pids[-1]:
            os.read(begin, 1)
            for count in range(200):
                logger.info("{} {} {}", os.getpid(), n, count)
            logger.complete()
            os._exit(0)
    os.write(go, b"!" * 8)
    wait_for(*pids)
"""

OWNER = """
    logger.add("app.log", format="{process.id} {message}", enqueue=True)
    logger.add(sys.stdout, format="out {process.id} {message}")
    logger.add(lambda message: sys.stdout.write(f"function {message}"), format="{process.id} {message}")
    logger.info("{} parent 0", os.getpid())
    children = []
    for n in range(4):
        children.append(fork())
        if not children[-1]:
            for count in range(100):
                logger.info("{} {} {}", os.getpid(), n, count)
            if n % 2:
                os._exit(0)
            sys.exit()
        logger.info("{} parent {}", os.getpid(), n + 1)
    wait_for(*children)
"""

BESIDE_A_THREAD = """
    stop, inside = threading.Event(), threading.Event()

    def rotation(message, file):
        if message == "thread 0\\n" and os.getpid() == parent:
            inside.set()
            stop.wait()
        return False

    def function(message):
        if message == "thread 1\\n" and os.getpid() == parent:
            inside.set()
            stop.wait()

    parent = os.getpid()
    logger.add("app.log", format="{message}", rotation=rotation)
    logger.add(function, format="{message}")
    for n in range(2):
        inside.clear()
        stop.clear()
        thread = threading.Thread(target=logger.info, args=(f"thread {n}",))
        thread.start()
        assert inside.wait(20)
        wait_for_sleep(thread)  # With a lock.
        pid = fork()
        if not pid:
            logger.info("child {}", n)
            logger.complete()
            os._exit(0)
        wait_for(pid)
        stop.set()
        thread.join()
"""

EVERY_ENTRY = """
    import copy

    logger.add("app.log", format="{process.id} {message}", enqueue=sys.argv[1] == "enqueue")
    logger.info("parent 0")
    logger.complete()
    there, again = os.pipe()
    stop = threading.Event()
    held = threading.Thread(target=lambda: (logger._core.lock.acquire(), os.write(again, b"!"), stop.wait()))
    held.start()
    os.read(there, 1)  # That lock is never free in the child.
    wait_for_sleep(held)
    entries = [
        lambda: logger.add("other.log", format="{process.id} {message}"),
        lambda: logger.remove(),
        lambda: logger.complete(timeout=20),
        lambda: logger.level("NEW", no=33),
        lambda: logger.configure(extra={"a": 1}),
        lambda: logger.disable("nothing"),
        lambda: logger.reopen(),
        lambda: logger.statistics().processes[0].pid == os.getpid() or 1 / 0,
        lambda: logger.health(),
        lambda: logger.catch(lambda: 1 / 0)(),
        lambda: logger.exception("none"),
        lambda: logger.log(5, "nothing"),
        lambda: wait_for(os.fork() or os._exit(logger.info("child 0") or 0)),
        lambda: None,
    ]
    pids = []
    for entry in entries:
        pids.append(fork())
        if not pids[-1]:
            threading._shutdown = lambda: None  # It would wait for the parent's thread.
            entry()
            sys.exit()
    wait_for(*pids)
    logger._core.lock = threading.RLock()  # The thread that has it is about to end.
    stop.set()
    held.join()
"""

IN_THE_MESSAGE = """
    class Forks:
        def __init__(self):
            self.pid = None

        def __str__(self):
            self.pid = fork() if self.pid is None else self.pid  # It may be asked again.
            return "parent" if self.pid else "child"

        __format__ = lambda self, _: str(self)

    logger.add("app.log", format="{message}", rotation="1 KB", enqueue=sys.argv[1] == "enqueue")
    for n in range(20):  # The call site is compiled from the second call on.
        value = Forks()
        logger.info("{} {} {}", value, n, "x" * 100)
        if not value.pid:
            os._exit(0)
        wait_for(value.pid)
"""

GENERATIONS = """
    import multiprocessing.util

    logger.add("app.log", format="{process.id} {message}")
    logger.info("{} 0 0", os.getpid())

    def descend(depth, ways):
        if depth == len(ways):
            return
        pid = (fork if ways[depth] == "c" else os.fork)()
        if not pid:
            if depth % 2 == 0:
                logger.info("{} {} 1", os.getpid(), depth + 1)
            descend(depth + 1, ways)
            logger.info("{} {} 2", os.getpid(), depth + 1)
            sys.exit()
        wait_for(pid)

    descend(0, sys.argv[1])
    assert multiprocessing  # Its exit function runs in the children, too.
    logger.info("{} 0 3", os.getpid())
"""

THREADS_OF_THE_CHILD = """
    logger.add("app.log", format="{message}", enqueue=sys.argv[1] == "enqueue")
    logger.info("parent 0")
    for n in range(10):
        pid = fork()
        if not pid:
            barrier = threading.Barrier(8)

            def log(name):
                barrier.wait()
                for count in range(10):
                    logger.info("{} {}", name, count)

            threads = [threading.Thread(target=log, args=(f"{n}.{i}",)) for i in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            os._exit(0)
        wait_for(pid)
"""


def source(program: str, prelude: str = "") -> str:
    """A whole program."""
    return "".join(textwrap.dedent(part) for part in (prelude, PRELUDE, program))


@pytest.mark.parametrize("prelude", ["", NO_WIPING], ids=["wiped", "asked"])
def test_a_worker_and_its_child(program: Program, prelude: str) -> None:
    """Each has a ring of its own, and its own number on its lines; also where the kernel wipes no page."""
    ended = program.run(source(WORKER, prelude))

    expected = [f"worker {count}" for count in range(1000)] + [f"child {count}" for count in range(1, 1000)]
    assert_once_in_order(ended.log(), expected)
    assert len({line.split()[0] for line in ended.log()}) == 2


@pytest.mark.parametrize("prelude", ["", NO_WIPING], ids=["wiped", "asked"])
@pytest.mark.parametrize("compression", ["", "gz"])
def test_siblings_rotate_one_file(program: Program, compression: str, prelude: str) -> None:
    """The parent of many has no session; they take turns by locks of their own, and each shows its own number."""
    ended = program.run(source(SIBLINGS, prelude), compression)

    lines = ended.log()
    assert_once_in_order(
        [line.partition(" ")[2] for line in lines],
        [f"{n} {count}" for n in range(8) for count in range(200)] + ["0"],
    )
    assert all(line.split()[0] == line.split()[1] for line in lines if "parent" not in line)


def test_children_of_an_owner_with_a_session(program: Program) -> None:
    """They are its workers: every kind of sink gets their records, through the owner, and nothing is left behind."""
    ended = program.run(source(OWNER))

    expected = [f"{n} {count}" for n in range(4) for count in range(100)] + [f"parent {n}" for n in range(5)]
    out = ended.output.splitlines()
    for kind in ("out", "function"):
        lines = [line.partition(" ")[2] for line in out if line.startswith(f"{kind} ")]
        assert all(line.split()[0] == line.split()[1] for line in lines)
        assert_once_in_order([line.partition(" ")[2] for line in lines], expected)
    assert_once_in_order([line.partition(" ")[2] for line in ended.log()], expected)


def test_beside_a_thread_that_holds_a_lock(program: Program) -> None:
    """Another thread has the file and its lock, then another sink: the child has its own, and waits briefly."""
    ended = program.run(source(BESIDE_A_THREAD))

    assert sorted(ended.log()) == ["child 0", "child 1", "thread 0", "thread 1"]


@pytest.mark.parametrize("way", ["direct", "enqueue"])
def test_every_entry_notices_it(program: Program, way: str) -> None:
    """Whatever the child calls first, it comes back, and changes nothing for its parent."""
    ended = program.run(source(EVERY_ENTRY), way, silent=False)

    assert "Error" not in ended.said.replace("ZeroDivisionError", "")
    lines = ended.log()
    assert [line for line in lines if line.endswith("parent 0")]
    assert len([line for line in lines if line.endswith("child 0")]) == 1


@pytest.mark.parametrize("way", ["direct", "enqueue"])
def test_a_message_that_forks(program: Program, way: str) -> None:
    """Both halves of the call are delivered by their own process."""
    ended = program.run(source(IN_THE_MESSAGE), way)

    found = sorted(" ".join(line.split()[:2]) for line in ended.log())
    assert found == sorted(f"{who} {n}" for n in range(20) for who in ("parent", "child"))


@pytest.mark.parametrize("ways", ["ccc", "cpc", "pcp", "ppc", "cppc"])
def test_generations(program: Program, ways: str) -> None:
    """Children of children, forked in either way, also of those that have logged nothing before."""
    ended = program.run(source(GENERATIONS), ways)

    expected = ["0 0", "0 3", *[f"{depth + 1} 2" for depth in range(len(ways))]]
    expected += [f"{depth + 1} 1" for depth in range(0, len(ways), 2)]
    lines = ended.log()
    assert sorted(line.split(" ", 2)[2] for line in lines) == sorted(expected)
    assert all(line.split()[0] == line.split()[1] for line in lines)


@pytest.mark.parametrize("way", ["direct", "enqueue"])
def test_several_threads_of_the_child_come_first(program: Program, way: str) -> None:
    """One of them makes it a process of its own, and the others wait for that."""
    ended = program.run(source(THREADS_OF_THE_CHILD), way)

    expected = [f"{n}.{i} {count}" for n in range(10) for i in range(8) for count in range(10)]
    assert_once_in_order([f"{line.split()[0]} {line}" for line in ended.log()], [*expected, "parent 0"])
