"""A fork at any moment of other threads' log calls: no hang, no loss, no double.

Covers logger-api.md, sections 28 and 29, and field note F5.
"""

from __future__ import annotations

import textwrap

import pytest
from programs import Program, assert_once_in_order

HOOKS = """
    import os

    forks = 0

    def before():
        global forks
        from mplog import logger
        logger.info("before {}", forks)
        forks += 1

    def after_in_parent():
        from mplog import logger
        logger.info("parent {}", forks - 1)

    def after_in_child():
        from mplog import logger
        logger.level("HOOK", no=25)  # Changes nothing in the parent.
        logger.opt(record=True).log("HOOK", "hook {} {record[process].id} {}", forks - 1, os.getpid())

    os.register_at_fork(before=before, after_in_parent=after_in_parent, after_in_child=after_in_child)
"""

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
    assert "HOOK" not in str(logger._core.levels)
"""


class TestForkStorm:
    @staticmethod
    def _run(program: Program, source: str) -> tuple[list[str], list[str], list[str]]:
        """The lines of the file, those of standard output, and those that threads and children of *source* logged."""
        # The interpreter itself warns of these forks: the threads are the program's own.
        ended = program.run(source, warnings="default", silent=False)
        counts = dict(line.split() for line in (ended.here / "counts.txt").read_text().splitlines())
        expected = [f"{name} {n}" for name, count in counts.items() for n in range(int(count))]
        expected += [f"child {n}" for n in range(60)]
        return ended.log(), [line.partition(" ")[2] for line in ended.output.splitlines()], expected

    def test_children_forked_in_the_middle_of_calls_log_at_once(self, program: Program) -> None:
        """Whatever locks the other threads held at that instant, the child has fresh ones."""
        for lines in (found := self._run(program, STORM))[:2]:
            # Each thread is a line of its own for the order, as processes are elsewhere.
            assert_once_in_order([f"{line.split()[0]} {line}" for line in lines], found[2])

    @pytest.mark.parametrize("prelude", ["", "from mplog import logger\n"], ids=["before mplog", "after mplog"])
    def test_hooks_of_the_program_log(self, program: Program, prelude: str) -> None:
        """Registered before mplog is there or after it: no hang, no loss, and what the child logs is the child's."""
        *both, expected = self._run(program, prelude + textwrap.dedent(HOOKS) + textwrap.dedent(STORM))
        expected += [f"{name} {n}" for name in ("before", "parent", "hook") for n in range(60)]
        for lines in both:
            hooks = [line.split() for line in lines if line.startswith("hook ")]
            assert all(said == own for _, _, said, own in hooks)
            assert len({own for *_, own in hooks}) == 60
            assert_once_in_order([" ".join([line.split()[0], *line.split()[:2]]) for line in lines], expected)
