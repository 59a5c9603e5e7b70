"""Words that only the owner has to say, stored by a worker that runs amok: nobody believes them while the owner drains.

Each process of a session can store into its control page.
"""

from __future__ import annotations

import pytest
from programs import Program, read_log

AMOK = """
    import os, sys, time
    from mplog import logger
    from mplog._ring.layout import ENDED, RUN_STATE, STOPPED, WAKE

    word, value = {"stopped": (WAKE, STOPPED), "ended": (RUN_STATE, ENDED)}[sys.argv[1]]
    logger.remove()
    logger.add("app.log", format="{process.id} {message}")
    logger.info("owner 0")
    pids, names = [], ["first", "second", "amok"]
    for name in names:
        pids.append(os.fork())
        if not pids[-1]:
            link, = logger._core.sessions.links.values()
            for count in range(2000):
                if name == "amok":
                    for _ in range(20):
                        link.words[word] = value
                logger.info("{} {}", name, count)
                if count % 10 == 0:
                    time.sleep(0.01)  # In all as long as it takes until a process looks at an owner without calls.
            assert not link.orphaned
            assert logger.complete(timeout=20)
            os._exit(0)
    for pid in pids:
        assert os.waitpid(pid, 0)[1] == 0
    logger.info("owner 1")
    assert logger.complete(timeout=20)
    assert not logger.health().problems
    print(*pids)
"""


@pytest.mark.parametrize("word", ["stopped", "ended"])
def test_the_end_of_a_session_is_the_owners_to_say(program: Program, word: str) -> None:
    """Siblings go on through the owner, and so does the one that stores it."""
    ended = program.run(AMOK, word)
    pids = ended.output.split()
    lines = read_log(program.here)
    for pid, name in zip(pids, ["first", "second", "amok"], strict=True):
        own = [line.split(" ", 1)[1] for line in lines if line.startswith(f"{pid} ")]
        assert own == [f"{name} {count}" for count in range(2000)]
