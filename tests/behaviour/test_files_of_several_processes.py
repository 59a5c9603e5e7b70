"""File options where records come from several processes: logger-api.md, sections 16 and 36."""

from __future__ import annotations

import gzip
import stat

import pytest
from programs import Program, wait_until

METHODS = ("fork", "spawn")

WORKERS = """
import multiprocessing, os, stat, sys
from mplog import logger

def work(number):
    for count in range(20):
        logger.info("{} {}", number, count)

def run(method, **options):
    logger.remove()
    logger.add("app.log", format="{message}", **options)
    context = multiprocessing.get_context(method)
    processes = [context.Process(target=work, args=(number,)) for number in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    logger.info("done é")
    logger.complete()
    logger.remove()
"""

EXPECTED = sorted([f"{number} {count}" for number in range(2) for count in range(20)] + ["done é"])


@pytest.mark.parametrize("method", METHODS)
class TestWorkers:
    @pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "latin-1"])
    @pytest.mark.parametrize("newline", [None, "\r\n"])
    def test_encodings_and_line_ends(self, program: Program, method: str, encoding: str, newline: str | None) -> None:
        """What workers log is in the file as what the owner logs: one mark, the same line ends."""
        program.run(
            f"{WORKERS}\nif __name__ == '__main__': run({method!r}, encoding={encoding!r}, newline={newline!r})"
        )
        content = (program.here / "app.log").read_bytes()
        end = newline or "\n"
        lines = content.decode(encoding).split(end)
        assert sorted(lines[:-1]) == EXPECTED
        assert lines[-1] == ""
        assert "\ufeff" not in "".join(lines)

    def test_rotation_functions_get_records(self, program: Program, method: str) -> None:
        """The message of a worker's record, with all its fields as data, and the open file."""
        program.run(
            f"""{WORKERS}
def full(message, file):
    assert message == message.record["message"] + "\\n", message
    assert message.record["level"].name == "INFO" and message.record["function"] in ("work", "run")
    file.seek(0, 2)
    return message.startswith("1 1") and file.tell() > 0

if __name__ == "__main__":
    run({method!r}, rotation=full)
"""
        )
        found = [path.read_text() for path in sorted(program.here.iterdir())]
        assert sorted("".join(found).split("\n")[:-1]) == EXPECTED
        begins = [content for content in found if content.startswith("1 1")]
        assert len(found) >= 11
        assert len(begins) >= 11

    def test_permissions_of_all_that_a_file_becomes(self, program: Program, method: str) -> None:
        """Live, rotated and compressed files have the mode that was asked for."""
        program.run(
            f"{WORKERS}\nif __name__ == '__main__': run({method!r}, permissions=0o640, rotation=60, compression='gz')"
        )
        found = list(program.here.iterdir())
        assert {stat.S_IMODE(path.stat().st_mode) for path in found} == {0o640}
        assert sum(path.suffix == ".gz" for path in found) == len(found) - 1 > 2

    def test_opener_takes_full_part(self, program: Program, method: str) -> None:
        """A file opened through an opener that only sets permissions is shared as any other."""
        program.run(
            f"""{WORKERS}
def private(path, flags):
    return os.open(path, flags, 0o600)

if __name__ == "__main__":
    run({method!r}, opener=private, rotation=60)
"""
        )
        found = sorted(program.here.iterdir())
        assert {stat.S_IMODE(path.stat().st_mode) for path in found} == {0o600}
        assert sorted("".join(path.read_text() for path in found).split("\n")[:-1]) == EXPECTED
        assert all(path.stat().st_size <= 60 for path in found)


HOLDER = """
import os, sys, time
from mplog import logger
logger.remove()
logger.add(sys.argv[1], format="{message}", **eval(sys.argv[3]))
logger.info("first of " + sys.argv[2])
open(f"ready{sys.argv[2]}.txt", "w").close()
while not os.path.exists(f"go{sys.argv[2]}.txt"):
    time.sleep(0.001)
logger.info("last of " + sys.argv[2])
logger.remove()
"""


class TestStrangers:
    def test_last_one_compresses(self, program: Program) -> None:
        """Without rotation the end of one process does not end the file of another."""
        running = [
            program.start(HOLDER, "app.log", number, "dict(compression='gz', retention=5)") for number in range(3)
        ]
        for number in range(3):
            wait_until((program.here / f"ready{number}.txt").exists, f"stranger {number} is ready")
        for number, each in enumerate(running):
            assert (program.here / "app.log").exists()
            (program.here / f"go{number}.txt").touch()
            ended = each.wait()
            assert (0, "") == (ended.status, ended.said)
        assert not (program.here / "app.log").exists()
        lines = gzip.decompress((program.here / "app.log.gz").read_bytes()).decode().splitlines()
        assert sorted(lines) == sorted(f"{which} of {number}" for number in range(3) for which in ("first", "last"))

    def test_many_that_end_at_once(self, program: Program) -> None:
        """Exactly one archive holds every line, however their ends fall together."""
        running = [program.start(HOLDER, "app.log", number, "dict(compression='gz')") for number in range(5)]
        for number in range(5):
            wait_until((program.here / f"ready{number}.txt").exists, f"stranger {number} is ready")
        for number in range(5):
            (program.here / f"go{number}.txt").touch()
        for each in running:
            ended = each.wait()
            assert (0, "") == (ended.status, ended.said)
        assert ["app.log.gz"] == [path.name for path in program.here.iterdir() if ".log" in path.name]
        lines = gzip.decompress((program.here / "app.log.gz").read_bytes()).decode().splitlines()
        assert sorted(lines) == sorted(f"{which} of {number}" for number in range(5) for which in ("first", "last"))

    def test_retention_spares_the_open_file_of_another_process(self, program: Program) -> None:
        """Also where a rotation of ours gives such names; see test_whose_file.py."""
        live = "app.2031-01-31_18-04-05_123456.log"
        old = program.here / "app.2001-01-31_18-04-05_123456.log"
        other = program.start(HOLDER, live, 0, "dict()")
        wait_until((program.here / "ready0.txt").exists, "the other is ready")
        old.write_text("old\n")
        program_of_us = program.start(
            """
            from mplog import logger
            logger.remove()
            logger.add("app.log", format="{message}", rotation=10, retention=0)
            for number in range(20):
                logger.info("line {}", number)
            logger.remove()
            """
        )
        assert program_of_us.wait().status == 0
        assert not old.exists()
        (program.here / "go0.txt").touch()
        assert other.wait().status == 0
        assert (program.here / live).read_text() == "first of 0\nlast of 0\n"
        assert sorted(path.name for path in program.here.iterdir() if ".log" in path.name) == [live, "app.log"]

    def test_steps_are_agreed_over_restarts(self, program: Program) -> None:
        """A process that comes later has the limits of those before it: whole steps from the first file."""
        due = program.run(
            """
            import os, time
            from mplog._sinks.file import birth
            fd = os.open("app.log", os.O_CREAT | os.O_WRONLY)
            os.write(fd, b"old\\n")
            first = time.time() - 5400
            birth.write_birth(fd, first)
            print(first)
            """
        ).output
        source = """
            import os
            from mplog import logger
            from mplog._sinks.file import series
            from mplog._sinks.file.rotation import parse_rotation
            logger.remove()
            logger.add("app.log", format="{message}", rotation="1 h")
            logger.info("x")
            fd = os.open("app.log", os.O_RDONLY)
            rule = parse_rotation("1 h")
            print(series.read_series(fd, rule).next_due(rule))
            """
        first = float(due)
        for _ in range(2):
            assert float(program.run(source).output) == pytest.approx(first + 7200, abs=1e-3)
        assert len([path for path in program.here.iterdir() if ".log" in path.name]) == 2


WATCHED = """
    import multiprocessing, os, sys
    from mplog import logger

    def work(connection):
        for line in iter(connection.recv, None):
            logger.info(line)
            logger.complete()
            connection.send(repr(logger).partition("handlers=")[2])

    if __name__ == "__main__":
        logger.remove()
        logger.remove(logger.add(print))
        logger.add("app.log", format="{message}", watch=True)
        context = multiprocessing.get_context(sys.argv[1])
        pairs = [context.Pipe() for _ in range(2)]
        children = [context.Process(target=work, args=(other,)) for _, other in pairs]
        for child in children:
            child.start()

        def ask(n, line):
            pairs[n][0].send(line)
            assert pairs[n][0].recv() == repr(logger).partition("handlers=")[2]

        ask(0, "one")
        os.rename("app.log", "app.log.1")
        ask(0, "two")
        ask(1, "three")
        logger.info("four")
        os.unlink("app.log")
        ask(1, "five")
        os.rename("app.log", "app.log.2")
        with open("app.log", "w") as file:
            file.write("somebody's\\n")
        logger.info("six")
        ask(0, "seven")
        for connection, _ in pairs:
            connection.send(None)
        for child in children:
            child.join()
            assert child.exitcode == 0
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_files_that_somebody_else_moves(program: Program, method: str) -> None:
    """With `watch` all processes follow to the new file; and handlers have the same ids everywhere."""
    ended = program.run(WATCHED, method)
    found = [(ended.here / name).read_text().split() for name in ("app.log.1", "app.log.2", "app.log")]
    assert found == [["one"], ["five"], ["somebody's", "six", "seven"]]
