"""Fork hooks of the program that log, registered before mplog is there or after it. Covers field note F5."""

from __future__ import annotations

import pytest
from programs import Program, assert_once_in_order

HOOKS = """
    import os, sys, threading, time

    when, forks = sys.argv[1], int(sys.argv[2])
    children = parents = befores = 0

    def before():
        global befores
        logger.info("before {}", befores)
        befores += 1

    def after_in_parent():
        global parents
        logger.info("parent {}", parents)
        parents += 1

    def after_in_child():
        logger.info("hook{} 0", befores)

    def register():
        os.register_at_fork(before=before, after_in_parent=after_in_parent, after_in_child=after_in_child)

    if when == "early":
        register()
    from mplog import logger
    logger.remove()
    logger.add("app.log", format="{process.id} {message}", rotation="20 KB")
    if when == "late":
        register()
    enough = threading.Event()
    counts = {}

    def log(name):
        n = 0
        while not enough.is_set():
            logger.info("{} {}", name, n)
            n += 1
        counts[name] = n

    threads = [threading.Thread(target=log, args=(f"t{i}",)) for i in range(3)]
    for thread in threads:
        thread.start()
    for n in range(forks):
        pid = os.fork()
        if not pid:
            logger.info("hook{} 1", n + 1)
            os._exit(0)
        deadline = time.monotonic() + 20
        while os.waitpid(pid, os.WNOHANG) != (pid, 0):
            if time.monotonic() > deadline:
                os.kill(pid, 9)
                sys.exit(f"child {n} hangs")
            time.sleep(0.001)
    enough.set()
    for thread in threads:
        thread.join()
    with open("counts.txt", "w") as file:
        for name, count in counts.items():
            file.write(f"{name} {count}\\n")
"""


@pytest.mark.parametrize("when", ["early", "late"])
def test_hooks_that_log(program: Program, when: str) -> None:
    """In the parent and in the child, beside threads that log: no hang, no loss, no double."""
    forks = 20
    # The interpreter itself warns of these forks: the threads are the program's own.
    ended = program.run(HOOKS, when, forks, warnings="default", silent=False)
    counts = dict(line.split() for line in (ended.here / "counts.txt").read_text().splitlines())
    expected = [f"{name} {n}" for name, count in counts.items() for n in range(int(count))]
    expected += [f"{name} {n}" for name in ("before", "parent") for n in range(forks)]
    expected += [f"hook{n + 1} {step}" for n in range(forks) for step in range(2)]
    # Each thread is a line of its own for the order, as processes are elsewhere.
    children = {tuple(line.split()[:2]) for line in ended.log() if "hook" in line}
    assert len(children) == len({pid for pid, _ in children}) == forks  # The hook's record, too, is the child's.
    lines = [line.partition(" ")[2] for line in ended.log()]
    assert_once_in_order([f"{line.split()[0]} {line}" for line in lines], expected)
