"""A fork at any moment of other threads' log calls: no hang, no loss, no double.

Covers logger-api.md, sections 28 and 29.
"""

from __future__ import annotations

from programs import Program, assert_once_in_order

STORM = """
    import os, sys, threading
    from mplog import logger

    logger.remove()
    logger.add("app.log", format="{message}", rotation="20 KB")
    logger.add(sys.stdout, format="{process.id} {message}")
    enough = threading.Event()
    counts = {}

    def log(name):
        n = 0
        while not enough.is_set():
            logger.info("{} {}", name, n)
            n += 1
        counts[name] = n

    threads = [threading.Thread(target=log, args=(f"t{i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for n in range(60):
        pid = os.fork()
        if not pid:
            logger.info("child {}", n)
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
    enough.set()
    for thread in threads:
        thread.join()
    with open("counts.txt", "w") as file:
        for name, count in counts.items():
            file.write(f"{name} {count}\\n")
"""


class TestForkStorm:
    def test_children_forked_in_the_middle_of_calls_log_at_once(self, program: Program) -> None:
        """Whatever locks the other threads held at that instant, the child has fresh ones."""
        # The interpreter itself warns of these forks: the threads are the program's own.
        ended = program.run(STORM, warnings="default", silent=False)
        counts = dict(line.split() for line in (ended.here / "counts.txt").read_text().splitlines())
        expected = [f"{name} {n}" for name, count in counts.items() for n in range(int(count))]
        expected += [f"child {n}" for n in range(60)]
        # Each thread is a line of its own for the order, as processes are elsewhere.
        assert_once_in_order([f"{line.split()[0]} {line}" for line in ended.log()], expected)
        shown = [line.partition(" ")[2] for line in ended.output.splitlines()]
        assert_once_in_order([f"{line.split()[0]} {line}" for line in shown], expected)
