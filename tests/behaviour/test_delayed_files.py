"""`delay=True`: nothing is there before the first record, and nothing is said about that. logger-api.md, section 16."""

from __future__ import annotations

import pytest
from programs import Program

PROGRAM = """
import multiprocessing, os, shutil, sys
from mplog import logger

def work():
    logger.info("of a worker")

if __name__ == "__main__":
    logger.remove()
    if sys.argv[3] == "removed":
        handler = logger.add("logs.log/x.log", format="{message}")
        logger.remove(handler)
        shutil.rmtree("logs.log")
    handler = logger.add("logs.log/" + sys.argv[1], format="{message}", delay=True, **eval(sys.argv[2]))
    assert not any(names for _, _, names in os.walk("logs.log"))
    if sys.argv[4]:
        process = multiprocessing.get_context(sys.argv[4]).Process(target=work)
        process.start()
        process.join()
    logger.info("of the owner")
    logger.complete()
    logger.remove(handler)
"""


@pytest.mark.parametrize("name", ["a.log", "{time:YYYY}.log", "{time:YYYY}/a.log"])
@pytest.mark.parametrize("options", ["dict(rotation='daily')", "dict(watch=True)", "dict(enqueue=True)"])
@pytest.mark.parametrize("directory", ["unmade", "removed"])
@pytest.mark.parametrize("method", ["", "fork", "spawn"])
def test_a_directory_that_is_still_to_be_made(
    program: Program, name: str, options: str, directory: str, method: str
) -> None:
    """The file comes with the first record, whoever logs it, and nothing is said on standard error."""
    program.run(PROGRAM, name, options, directory, method)
    (log,) = (path for path in (program.here / "logs.log").rglob("*") if path.is_file())
    expected = ["of a worker", "of the owner"] if method else ["of the owner"]
    assert sorted(log.read_text().split("\n")[:-1]) == expected
