"""The default handler shows the records of all processes, and standard error can slow or lose nothing else.

It may be a file, a pipe that is read, a pipe that nobody reads, or a pipe whose reader has gone.

Covers logger-api.md, sections 1 and 36.
"""

from __future__ import annotations

import re
import subprocess
import threading

import pytest
from programs import Program, assert_once_in_order

METHODS = ("fork", "spawn", "forkserver")

MAIN_JOB = """
    import multiprocessing, sys
    from mplog import logger

    logger.add("app.log", format="{process.id} {message}")

    def work(n):
        logger.info("job {}", n)
        return n

    if __name__ == "__main__":
        with multiprocessing.get_context(sys.argv[1]).Pool(2) as pool:
            pool.map(work, range(int(sys.argv[2])), chunksize=50)
"""

LINE = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} [+-]\d\d:\d\d \| INFO     \| __(?:mp_)?main__:work:8 - (job \d+)"
)


def jobs(count: int) -> list[str]:
    """What the workers log."""
    return [f"job {n}" for n in range(count)]


def shown(text: str) -> list[str]:
    """The messages on standard error; every line there must be one in the default format."""
    matches = [(line, LINE.fullmatch(line)) for line in text.splitlines()]
    assert all(match for _, match in matches), [line for line, match in matches if match is None][:5]
    return sorted((match[1] for _, match in matches if match), key=lambda message: int(message.split()[1]))


@pytest.mark.parametrize("method", METHODS)
class TestReader:
    def test_a_file_gets_every_line(self, program: Program, method: str) -> None:
        """Standard error that is redirected to a file has each line once, in the default format."""
        ended = program.run(MAIN_JOB, method, 600, silent=False)
        assert shown(ended.said) == jobs(600)
        assert_once_in_order(ended.log(), jobs(600))

    def test_a_pipe_that_is_read_gets_every_line(self, program: Program, method: str) -> None:
        """More than the pipe holds passes through it, each line once."""
        running = program.start(MAIN_JOB, method, 2000, stderr=subprocess.PIPE)
        said: list[str] = []
        assert running.process.stderr is not None
        reader = threading.Thread(target=lambda stream: said.append(stream.read()), args=(running.process.stderr,))
        reader.start()
        ended = running.wait()
        program.leaves_nothing()
        reader.join()
        assert ended.status == 0
        assert shown(said[0]) == jobs(2000)
        assert_once_in_order(ended.log(), jobs(2000))


class TestNobodyReads:
    @pytest.mark.parametrize("method", ["fork", "spawn"])
    def test_a_full_pipe_delays_only_the_end(self, program: Program, method: str) -> None:
        """The file has every line at full speed; at its end the program waits a few seconds for a reader, and goes."""
        running = program.start(MAIN_JOB, method, 3000, stderr=subprocess.PIPE)
        ended = running.wait()
        program.leaves_nothing()
        assert ended.status == 0
        assert ended.seconds < 5 + 10, "5 s of patience, and slack for a busy machine"
        assert_once_in_order(ended.log(), jobs(3000))

    def test_a_reader_that_has_gone_costs_nothing_but_the_lines_there(self, program: Program) -> None:
        """A broken pipe is no reason to lose a line elsewhere, to wait, or to fail."""
        running = program.start(MAIN_JOB, "fork", 600, stderr=subprocess.PIPE)
        assert running.process.stderr is not None
        running.process.stderr.close()
        ended = running.wait()
        program.leaves_nothing()
        assert_once_in_order(ended.log(), jobs(600))
