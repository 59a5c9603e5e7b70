"""A log call in a signal handler has returned: its line is there, although the process ends in that handler.

The handler comes at any place of another call, which will never go on.
"""

from __future__ import annotations

import pytest
from programs import FULL, Program

HANDLERS = 1000 if FULL else 20

PROGRAM = """
    import os, random, signal, sys, time
    mode, count = sys.argv[1], int(sys.argv[2])
    chance = random.Random(7)

    def log_until_the_signal(logger, number, within):
        def handler(*_):
            logger.info("handler {}", number)
            os.write(ledger, b"%d\\n" % number)
            if number % 2:
                os._exit(0)
            os.kill(os.getpid(), signal.SIGKILL)

        ledger = os.open("handled.txt", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        signal.signal(signal.SIGALRM, handler)
        logger.info("first of {}", number)
        signal.setitimer(signal.ITIMER_REAL, within)
        while True:
            logger.info("line of {}", number)

    def child(act):
        pid = os.fork()
        if not pid:
            try:
                act()
            finally:
                os._exit(9)  # It has ended otherwise than by its handler.
        return pid

    def ended_well(pid):
        status = os.waitpid(pid, 0)[1]
        assert status in (0, signal.SIGKILL), status

    def own(number):
        # Imported here: a program of its own, with no parent that has anything to do with mplog.
        from mplog import logger

        logger.remove()
        logger.add("app.log", format="{message}", **options)
        log_until_the_signal(logger, number, chance_of[number])

    chance_of = [0.0005 + chance.random() * 0.01 for _ in range(count)]
    options = {"direct": {}, "rotation": {"rotation": 2000}, "enqueue": {"enqueue": True}, "stranger": {}}.get(mode)

    if mode in ("direct", "rotation", "enqueue"):
        for number in range(count):
            ended_well(child(lambda: own(number)))
    elif mode == "stranger":
        # A program that writes the same file all the time, and is the host of the others.
        def company():
            from mplog import logger

            logger.remove()
            logger.add("app.log", format="{message}")
            signal.signal(signal.SIGTERM, lambda *_: sys.exit())
            try:
                while True:
                    logger.info("company")
                    time.sleep(0.0005)
            except SystemExit:
                logger.complete()
                logger.remove()
                os._exit(0)

        companion = child(company)
        for number in range(count):
            chance_of[number] += 0.02 * (number % 4)  # It joins after some lines.
            ended_well(child(lambda: own(number)))
        os.kill(companion, signal.SIGTERM)
        assert os.waitpid(companion, 0)[1] == 0
    elif mode == "worker":
        from mplog import logger

        logger.remove()
        logger.add("app.log", format="{message}")
        for number in range(count):
            ended_well(child(lambda: log_until_the_signal(logger, number, chance_of[number])))
    elif mode == "orphan":
        # Each owner is killed, with unread records in the ring of its child, which takes over.
        def owner(number):
            from mplog import logger

            logger.remove()
            logger.add("app.log", format="{message}")
            mine = os.getpid()

            def worker():
                logger.info("worker of {}", number)
                os.kill(mine, signal.SIGSTOP)
                for _ in range(20):
                    logger.info("unread of {}", number)
                os.kill(mine, signal.SIGKILL)
                while os.getppid() == mine:
                    time.sleep(0.001)
                log_until_the_signal(logger, number, chance_of[number])

            child(worker)
            time.sleep(60)

        reaper = __import__("ctypes").CDLL(None).prctl
        reaper(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: the orphans come to this process.
        for number in range(count):
            pid = child(lambda: owner(number))
            assert os.waitpid(pid, 0)[1] == signal.SIGKILL
            ended_well(-1)

    # Whatever died with its process is written by the next program that adds the file.
    from mplog import logger

    logger.remove()
    logger.add("app.log", format="{message}")
    logger.complete()
    logger.remove()
"""


@pytest.mark.timeout(120 + HANDLERS)
@pytest.mark.parametrize("mode", ["worker", "direct", "rotation", "enqueue", "orphan", "stranger"])
def test_what_they_have_logged_is_in_the_file(program: Program, mode: str) -> None:
    """Each handler's line once, as all others, in whatever way the records of the process go."""
    ended = program.run(PROGRAM, mode, HANDLERS, within=60 + HANDLERS, silent=mode != "orphan")
    handled = (ended.here / "handled.txt").read_text().split()
    assert sorted(map(int, handled)) == list(range(HANDLERS))
    lines = ended.log()
    found = sorted(int(line.split()[1]) for line in lines if line.startswith("handler "))
    assert found == list(range(HANDLERS)), f"lost: {sorted(set(range(HANDLERS)) - set(found))}"
    if mode == "orphan":
        for number in range(HANDLERS):
            assert lines.count(f"unread of {number}") == 20


STREAM = """
    import os, signal, sys
    from mplog import logger

    number, where = int(sys.argv[1]), sys.argv[2]
    logger.remove()
    logger.add(getattr(sys, where), format="{message}")

    def handler(*_):
        logger.info("handler")
        os._exit(0)

    signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.001 + number * 0.0007)
    while True:
        logger.info("line")
"""


@pytest.mark.parametrize("where", ["stdout", "stderr"])
def test_what_they_have_logged_to_a_standard_stream(program: Program, where: str) -> None:
    """A text stream takes the line between two of its own calls, whatever mplog is doing with it."""
    for number in range(HANDLERS // 4):
        ended = program.run(STREAM, number, where, silent=False)
        lines = (ended.output if where == "stdout" else ended.said).splitlines()
        assert lines.count("handler") == 1
        assert set(lines) <= {"line", "handler"}
