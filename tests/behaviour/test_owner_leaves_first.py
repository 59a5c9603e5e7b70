"""A process that configured the log may end before its children do: they go on, and the last one cleans up.

Covers logger-api.md, sections 18 and 36.
"""

from __future__ import annotations

import pytest
from programs import Program, assert_once_in_order

GO_ON = """
    import os, sys, time
    from mplog import logger

    logger.remove()
    logger.add("app.log", format="{process.id} {message}", rotation="8 KB", compression="gz")

    def wait_for_end_of(parent):
        while os.getppid() == parent:
            time.sleep(0.002)

    owner = os.getpid()
    for name in ("a", "b"):
        if not os.fork():
            for n in range(300):
                logger.info("{} {}", name, n)
            wait_for_end_of(owner)
            if name == "a" and not os.fork():
                for n in range(300, 400):
                    logger.info("child of a {}", n)
                sys.exit(0)
            for n in range(300, 600):
                logger.info("{} {}", name, n)
            sys.exit(0) if sys.argv[1] == "exit" else os._exit(0)
    for n in range(300):
        logger.info("owner {}", n)
"""

SILENT = """
    import os, sys, time
    from mplog import logger

    logger.remove()
    logger.add("app.log", format="{process.id} {message}")
    owner = os.getpid()
    told, tell = os.pipe()
    for n in range(3):
        if not os.fork():
            logger.info("child {}", n)
            os.write(tell, b"!")
            while os.getppid() == owner:
                time.sleep(0.002)
            sys.exit(0)
    for n in range(3):
        os.read(told, 1)
"""

NEVER_STOPS = """
    import os, sys, time
    from mplog import logger

    logger.remove()
    logger.add("app.log", format="{process.id} {message}")
    owner = os.getpid()
    if not os.fork():
        n = gone_at = 0
        while not gone_at or n < gone_at + 100:
            logger.info("child {}", n)
            n += 1
            if os.getppid() != owner and not gone_at:
                gone_at = n
        with open("count.txt", "w") as file:
            file.write(str(n))
        os._exit(0)
    while not os.path.exists("app.log") or os.path.getsize("app.log") < 5000:
        time.sleep(0.002)
"""

SEVERAL_THREADS = """
    import os, sys, threading, time
    from mplog import logger

    logger.remove()
    logger.add("app.log", format="{thread.name} {message}")
    owner = os.getpid()
    gone = threading.Event()

    def work():
        n, left = 0, 100
        while left:
            logger.info("{} {}", threading.current_thread().name, n)
            n += 1
            left -= gone.is_set()
        with open("counts.txt", "a") as file:
            file.write(f"{threading.current_thread().name} {n}\\n")

    if not os.fork():
        for name in "abcd":
            threading.Thread(target=work, name=name).start()
        while os.getppid() == owner:
            time.sleep(0.001)
        gone.set()
    else:
        while not os.path.exists("app.log") or os.path.getsize("app.log") < 5000:
            time.sleep(0.002)
"""

OTHER_SINKS = """
    import os, sys, time
    from mplog import logger

    logger.remove()
    logger.add(sys.stderr, format="{process.id} {message}")
    logger.add(lambda message: None)
    owner = os.getpid()
    if not os.fork():
        logger.info("child 0")
        logger.complete()
        while os.getppid() == owner:
            time.sleep(0.002)
        for n in range(1, 4):
            logger.info("child {}", n)
        sys.exit(0)
"""


class TestFiles:
    @pytest.mark.parametrize("how", ["exit", "os._exit"])
    def test_children_write_the_file_themselves(self, program: Program, how: str) -> None:
        """Children, and children that these have later, rotate and compress under the same rules."""
        running = program.start(GO_ON, how)
        assert running.wait().status == 0
        program.leaves_nothing()
        expected = [f"{name} {n}" for name in "ab" for n in range(600)] + [f"owner {n}" for n in range(300)]
        assert_once_in_order(running.log(), expected + [f"child of a {n}" for n in range(300, 400)])
        largest = max(path.stat().st_size for path in program.here.iterdir())
        assert largest <= 8000

    def test_children_that_have_nothing_more_to_say_clean_up(self, program: Program) -> None:
        """The session goes with the last process of it that ends in good order."""
        ended = program.run(SILENT)
        assert_once_in_order(ended.log(), [f"child {n}" for n in range(3)])

    def test_a_child_in_the_middle_of_a_flood_of_records(self, program: Program) -> None:
        """Nothing is lost or doubled at the instant at which the owner's writer stops."""
        running = program.start(NEVER_STOPS)
        assert running.wait().status == 0
        program.leaves_nothing()
        count = int((program.here / "count.txt").read_text())
        assert_once_in_order(running.log(), [f"child {n}" for n in range(count)])

    def test_several_threads_in_the_middle_of_a_flood_of_records(self, program: Program) -> None:
        """Each of them changes over at an instant of its own."""
        running = program.start(SEVERAL_THREADS)
        assert running.wait().status == 0
        program.leaves_nothing()
        counts = dict(line.split() for line in (program.here / "counts.txt").read_text().splitlines())
        assert set(counts) == set("abcd")
        expected = [f"{name} {n}" for name, count in counts.items() for n in range(int(count))]
        assert_once_in_order(running.log(), expected)


class TestOtherSinks:
    def test_standard_streams_go_on_and_lost_functions_are_reported_once(self, program: Program) -> None:
        """A child has a standard error of its own; a function died with the owner, which is said once."""
        running = program.start(OTHER_SINKS)
        assert running.wait().status == 0
        program.leaves_nothing()
        said = running.wait().said.splitlines()
        assert [line.split()[-1] for line in said if " child " in line] == ["0", "1", "2", "3"]
        assert len([line for line in said if "records for handler 2 are lost" in line]) == 1
