"""Programs for the tests of `attach()`: an owner, and helpers that it starts."""

from __future__ import annotations

from pathlib import Path

from programs import Program

HELPER = """
    import os, sys
    from mplog import attach, logger

    assert attach()
    for number in range(int(sys.argv[2])):
        logger.info("{} {}", sys.argv[1], number)
"""

OWNER = """
    import os, subprocess, sys
    from mplog import attach, logger

    logger.remove()
    logger.add("app.log", format="{process.id} {message}", rotation="20 KB")
    assert not attach()
    helpers = [subprocess.Popen([sys.executable, "-W", "error", sys.argv[1], f"helper{n}", "500"]) for n in range(3)]
    for number in range(500):
        logger.info("owner {}", number)
    assert [helper.wait() for helper in helpers] == [0, 0, 0]
"""


def write_helper(program: Program, source: str = HELPER, name: str = "helper.py") -> Path:
    return program.script(source, name)
