"""A path that is a symbolic link: the file behind it is the log, and is rotated; the link stays. See files.md."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest
from programs import Program, wait_until

ROTATING = """
import os, sys
from mplog import logger
logger.remove()
logger.add(sys.argv[1], format="{message}", rotation=20, **eval(sys.argv[2]))
if sys.argv[3] == "worker":
    if not os.fork():
        for number in range(2):
            logger.info("line {} of a few", number)
        logger.complete()
        os._exit(0)
    os.wait()
else:
    for number in range(2):
        logger.info("line {} of a few", number)
logger.complete()
for number in range(2, 5):
    logger.info("line {} of a few", number)
logger.remove()
"""


def text(path: Path) -> str:
    return gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text()


@pytest.fixture
def data(program: Program) -> Path:
    """A directory beside that of the logs, in which they really are."""
    found = program.here.parent / "data"
    found.mkdir()
    return found


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("role", ["owner", "worker"])
@pytest.mark.parametrize("options", ["dict()", "dict(retention=2)", "dict(compression='gz', retention=2)"])
def test_the_file_behind_a_link_is_rotated(program: Program, data: Path, there: bool, role: str, options: str) -> None:
    """Old files, archives and what retention keeps are beside it, and the link leads to the live one all the time."""
    if there:
        (data / "real.log").touch()
    (program.here / "other.log").symlink_to("../data/real.log")
    (program.here / "app.log").symlink_to("other.log")
    program.run(ROTATING, "app.log", options, role)
    assert sorted(os.listdir(program.here)) == ["app.log", "other.log"]
    assert all(path.is_symlink() for path in program.here.iterdir())
    assert (program.here / "app.log").read_text() == (data / "real.log").read_text() == "line 4 of a few\n"
    old = sorted(path for path in data.iterdir() if path.name != "real.log")
    kept = range(4)[-2:] if "retention" in options else range(4)
    assert [text(path) for path in old] == [f"line {number} of a few\n" for number in kept]
    assert all((path.suffix == ".gz") is ("gz" in options) for path in old)


def test_the_end_of_a_handler_compresses_what_is_behind(program: Program, data: Path) -> None:
    """Without rotation; the next program begins a new file behind the same link."""
    (data / "real.log").touch()
    (program.here / "app.log").symlink_to(data / "real.log")
    source = """
        from mplog import logger
        logger.remove()
        handler = logger.add("app.log", format="{message}", compression="gz")
        logger.info("line")
        logger.remove(handler)
    """
    for _ in range(2):
        program.run(source)
    assert (program.here / "app.log").is_symlink()
    assert [text(path) for path in data.iterdir()] == ["line\n"] * 2


def test_programs_that_name_the_link_and_the_file_share_it(program: Program, data: Path) -> None:
    """Each line is there once, and no old file is overwritten."""
    (data / "app.log").touch()
    (program.here / "app.log").symlink_to(data / "app.log")
    source = """
        import os, sys, time
        from mplog import logger
        logger.remove()
        logger.add(sys.argv[1], format="{message}", rotation=200)
        open(f"ready{sys.argv[2]}.txt", "w").close()
        while not os.path.exists("go.txt"):
            time.sleep(0.001)
        for number in range(100):
            logger.info("program {} {}", sys.argv[2], number)
    """
    running = [program.start(source, path, number) for number, path in enumerate(["app.log", data / "app.log"])]
    wait_until(lambda: len(list(program.here.glob("ready*.txt"))) == 2, "both are ready")
    (program.here / "go.txt").touch()
    assert [(each.status, each.said) for each in (each.wait() for each in running)] == [(0, "")] * 2
    found = sorted(line for path in data.iterdir() for line in path.read_text().splitlines())
    assert found == sorted(f"program {n} {m}" for n in range(2) for m in range(100))
    assert all(path.stat().st_size <= 200 for path in data.iterdir())


@pytest.mark.parametrize(("watch", "where"), [(True, "new.log"), (False, "old.log")])
def test_a_link_that_is_turned_is_followed_with_watch(program: Program, data: Path, watch: bool, where: str) -> None:
    """As a path whose file somebody has replaced."""
    program.run(
        f"""
        import os
        from mplog import logger
        os.symlink("../data/old.log", "app.log")
        logger.remove()
        logger.add("app.log", format="{{message}}", watch={watch})
        logger.info("first")
        os.symlink("../data/new.log", "turned.log")
        os.rename("turned.log", "app.log")
        logger.info("second")
        """
    )
    assert "second" in (data / where).read_text()
    assert (program.here / "app.log").is_symlink()
