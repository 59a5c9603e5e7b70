"""`configure()` does all that it is told, or nothing; `remove()` of all removes all.

Covers logger-api.md, sections 19 and 27; where the reference leaves half of it done, this is a departure on purpose.
"""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from programs import Program

from mplog._logger.logger import Logger

WRONG: dict[str, dict[str, Any]] = {
    "option": {"handlers": [{"sink": "new.log"}, {"sink": "c.log", "rotatoin": 1}]},
    "value": {"handlers": [{"sink": "new.log"}, {"sink": "c.log", "rotation": "now"}]},
    "no sink": {"handlers": [{"sink": "new.log"}, {"format": "x"}]},
    "no mapping": {"handlers": [{"sink": "new.log"}, 5]},
    "no list": {"handlers": 5},
    "level of a handler": {"handlers": [{"sink": "new.log"}, {"sink": print, "level": "LOUD"}]},
    "level": {"handlers": [{"sink": "new.log"}], "levels": [{"name": "LOUD", "no": 33}, {"name": "INFO", "no": 1}]},
    "colour": {"handlers": [{"sink": "new.log"}], "levels": [{"name": "INFO", "icon": "x", "color": "<nothing>"}]},
    "patcher": {"handlers": [{"sink": "new.log"}], "patcher": 5},
    "extra": {"handlers": [{"sink": "new.log"}], "extra": 5},
    "strict": {"handlers": [{"sink": "new.log"}], "strict": "no"},
    "activation": {"handlers": [{"sink": "new.log"}], "activation": [("x", False), (5, True)]},
    "switch": {"handlers": [{"sink": "new.log"}], "activation": [("x", "no")]},
    "queue": {"handlers": [{"sink": "new.log"}], "queue": 5},
    "a place": {"handlers": [{"sink": "kept.log"}, {"sink": "/proc/self/none.log"}]},
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_argument_changes_nothing(
    logger: Logger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """Neither handlers nor anything else, whichever argument it is; the old handlers are not even closed."""
    monkeypatch.chdir(tmp_path)
    got: list[str] = []
    logger.add("kept.log", format="{message}", compression="gz")
    logger.add(got.append, format="{level.icon}{extra}{message}")
    logger.configure(extra={"kept": 1})
    before, settings, levels = repr(logger), logger._core.settings, logger._core.levels
    good = {"extra": {"new": 1}, "levels": [{"name": "INFO", "icon": "i"}], "patcher": lambda record: None}
    with pytest.raises((TypeError, ValueError, OSError)):
        logger.configure(**{**good, **WRONG[what]})
    assert (repr(logger), logger._core.settings, logger._core.levels) == (before, settings, levels)
    logger.info("after")
    assert Path("kept.log").read_text() == "after\n"
    assert got == [f"{logger.level('INFO').icon}{{'kept': 1}}after\n"]
    assert [path for path in os.listdir() if path != "kept.log"] == []


class TestSameFile:
    """One that old and new handlers have: it is closed before it is opened again."""

    def test_what_its_end_does_happens_to_the_old_one(self, logger: Logger, tmp_path: Path) -> None:
        """The new handler's file is another one."""
        path = tmp_path / "app.log"
        logger.add(path, format="{message}", compression="gz")
        logger.info("old")
        logger.configure(handlers=[{"sink": path, "format": "{message}"}])
        logger.info("new")
        assert path.read_text() == "new\n"
        assert len(list(tmp_path.glob("*.gz"))) == 1

    @pytest.mark.parametrize("enqueue", [False, True])
    def test_when_it_cannot_be_opened_again_the_old_handlers_are_there(
        self, logger: Logger, tmp_path: Path, enqueue: bool
    ) -> None:
        """With the same ids, and what was in the file is in it."""

        def refuse(path: str, flags: int) -> int:
            raise OSError(errno.EMFILE, "Too many open files", path)

        path = tmp_path / "app.log"
        got: list[str] = []
        logger.add(path, format="{message}", mode="w", enqueue=enqueue)
        logger.add(got.append, format="{message}")
        logger.info("before")
        with pytest.raises(OSError, match="Too many open files"):
            logger.configure(handlers=[{"sink": print}, {"sink": str(path), "opener": refuse}], extra={"a": 1})
        logger.info("after")
        assert logger.complete(timeout=30)
        assert path.read_text() == "before\nafter\n"
        assert got == ["before\n", "after\n"]
        assert [text.partition(",")[0] for text in repr(logger).split("id=")[1:]] == ["0", "1"]
        assert logger._core.settings.extra == {}


class TestFilesToBeEmptied:
    """They keep what is in them when any other file cannot be opened."""

    @pytest.mark.parametrize("is_there", [False, True], ids=["new", "known"])
    @pytest.mark.parametrize("reverse", [False, True], ids=["first", "last"])
    def test_a_place_that_is_none(self, logger: Logger, tmp_path: Path, is_there: bool, reverse: bool) -> None:
        """Whether or not a handler has the file already, and in whatever order they stand."""
        path = tmp_path / "app.log"
        path.write_text("precious\n")
        if is_there:
            logger.add(path, format="{message}")
        handlers: list[dict[str, Any]] = [{"sink": path, "mode": "w"}, {"sink": "/proc/self/none.log", "mode": "w"}]
        handlers.append({"sink": tmp_path / "new.log", "mode": "x"})
        with pytest.raises(OSError, match=r"No such file|Operation not permitted|Permission denied"):
            logger.configure(handlers=handlers[::-1] if reverse else handlers)
        assert path.read_text() == "precious\n"

    def test_two_of_them(self, logger: Logger, tmp_path: Path) -> None:
        """The first one is left alone when the second, which is there, cannot be written: it is a running program."""
        first, second = tmp_path / "first.log", tmp_path / "second.log"
        first.write_text("precious\n")
        shutil.copy(shutil.which("sleep") or "", second)
        second.chmod(0o700)
        running = subprocess.Popen([second, "60"])
        try:
            with pytest.raises(OSError, match="Text file busy"):
                logger.configure(handlers=[{"sink": first, "mode": "w"}, {"sink": second, "mode": "w"}])
        finally:
            running.kill()
            running.wait()
        assert first.read_text() == "precious\n"

    def test_they_are_emptied_in_the_end(self, logger: Logger, tmp_path: Path) -> None:
        """Ids are in the order of the handlers."""
        path = tmp_path / "app.log"
        path.write_text("old\n")
        handlers = [{"sink": path, "mode": "w", "format": "{message}"}, {"sink": print, "format": "x"}]
        assert logger.configure(handlers=handlers) == [0, 1]
        logger.info("new")
        assert path.read_text() == "new\n"

    def test_a_worker_that_runs_the_module_again_looks_at_none(self, program: Program) -> None:
        """The file is its owner's, and it need not be able to open what has that name now."""
        ended = program.run(
            """
            import multiprocessing, os, shutil, subprocess
            from mplog import logger

            logger.configure(handlers=[{"sink": "app.log", "mode": "w", "format": "{message}"}])

            def work():
                logger.info("of a worker")

            if __name__ == "__main__":
                os.rename("app.log", "other.log")
                shutil.copy(shutil.which("sleep"), "app.log")
                os.chmod("app.log", 0o700)
                running = subprocess.Popen(["./app.log", "60"])
                worker = multiprocessing.get_context("spawn").Process(target=work)
                worker.start()
                worker.join()
                running.kill()
                running.wait()
                os.remove("app.log")
            """
        )
        assert ended.log("other.log") == ["of a worker"]


def test_an_old_sink_that_cannot_be_stopped_is_reported(logger: Logger, capsys: pytest.CaptureFixture[str]) -> None:
    """What was asked for is done, so nothing is raised."""

    class Stream:
        def write(self, text: str) -> None:
            pass

        def stop(self) -> None:
            raise RuntimeError("cannot stop")

    got: list[str] = []
    logger.add(Stream())
    assert logger.configure(handlers=[{"sink": got.append, "format": "{message}"}]) == [1]
    logger.info("x")
    assert got == ["x\n"]
    assert ": handler 0 (" in capsys.readouterr().err


WORKERS = """
    import multiprocessing, pathlib
    from mplog import logger

    def work(n):
        logger.info("job {}", n)

    if __name__ == "__main__":
        logger.remove()
        logger.add("app.log", format="{message}")
        context = multiprocessing.get_context("fork")
        with context.Pool(2) as pool:
            pool.map(work, range(10))
            try:
                logger.configure(handlers=[{"sink": "b.log"}, {"sink": "app.log", "rotation": "never"}])
            except ValueError:
                pass
            pool.map(work, range(10, 20))
            logger.configure(handlers=[{"sink": "app.log", "format": "new {message}"}])
            while True:
                pool.map(work, range(20, 30))
                logger.complete()
                if pathlib.Path("app.log").read_text().count("new ") >= 10:
                    break
            pool.close()
            pool.join()
"""


def test_workers_log_on(program: Program) -> None:
    """Through a configuration that was refused, and into one that was not."""
    ended = program.run(WORKERS)
    lines = ended.log()
    assert sorted(lines[:20], key=lambda line: int(line.split()[1])) == [f"job {n}" for n in range(20)]
    assert len(set(lines) - {f"job {n}" for n in range(30)} - {f"new job {n}" for n in range(20, 30)}) == 0
