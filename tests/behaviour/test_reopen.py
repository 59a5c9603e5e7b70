"""`reopen()`: after somebody has moved the log file, every later record is in the file that the path names."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from programs import Program, assert_once_in_order, wait_until

from mplog._logger.logger import Logger

STORM = """
    import os, signal
    from mplog import logger

    logger.remove()
    logger.add("app.log", format="{process.id} {message}")
    reopened = 0

    def reopen(signum, frame):
        global reopened
        reopened += 1
        if reopened % 50 == 0:
            os.rename("app.log", f"app.{reopened}.log")
        logger.reopen()

    signal.signal(signal.SIGALRM, reopen)
    signal.setitimer(signal.ITIMER_REAL, 0.0002, 0.0002)
    number = 0
    while reopened < 3000:
        logger.info("line {}", number)
        number += 1
    signal.setitimer(signal.ITIMER_REAL, 0)
    with open("count.txt", "w") as file:
        file.write(str(number))
"""

SERVICE = """
    import multiprocessing, os, signal, sys, time
    from mplog import logger

    logger.remove()
    logger.add("app.log", format="{process.id} {message}", enqueue=sys.argv[1] == "enqueue")
    signal.signal(signal.SIGHUP, lambda signum, frame: logger.reopen())

    def work(stopped, ledger, name):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        number = 0
        while not stopped.value:
            logger.info("{} {}", name, number)
            number += 1
            ledger.value = number

    if __name__ == "__main__":
        stopped = multiprocessing.RawValue("b", 0)
        ledgers = [multiprocessing.RawValue("q", 0) for _ in range(3)]
        workers = [
            multiprocessing.Process(target=work, args=(stopped, ledger, f"worker{number}"))
            for number, ledger in enumerate(ledgers)
        ]
        for worker in workers:
            worker.start()
        number = 0
        open("ready.txt", "w").close()
        while not os.path.exists("stop.txt"):
            logger.info("owner {}", number)
            number += 1
        stopped.value = 1
        for worker in workers:
            worker.join()
        with open("count.txt", "w") as file:
            print(number, *(ledger.value for ledger in ledgers), file=file)
"""


class TestLogrotate:
    @pytest.mark.parametrize("mode", ["direct", "enqueue"])
    def test_renamed_under_load_nothing_is_lost(self, program: Program, mode: str) -> None:
        """Renamed again and again while an owner and three workers log: each line is in one of the files, once."""
        running = program.start(SERVICE, mode)
        log, here = program.here / "app.log", program.here
        wait_until(lambda: (here / "ready.txt").exists() and log.exists(), "the program logs")
        rounds = 20
        for number in range(rounds):
            wait_until(lambda: log.exists() and log.stat().st_size > 0, "the new file is written to")
            os.rename(log, here / f"app.log.{number}")
            running.process.send_signal(1)
        (here / "stop.txt").touch()
        ended = running.wait()
        assert (ended.status, ended.said) == (0, "")
        program.leaves_nothing()
        lines: list[str] = []
        for path in [*(here / f"app.log.{number}" for number in range(rounds)), log]:
            content = path.read_text()
            assert content.endswith("\n")
            lines += content.splitlines()
        counts = [int(word) for word in (here / "count.txt").read_text().split()]
        names = ["owner", "worker0", "worker1", "worker2"]
        expected = [f"{name} {n}" for name, count in zip(names, counts, strict=True) for n in range(count)]
        assert_once_in_order(lines, expected)

    def test_nothing_goes_to_the_old_file_any_more(self, tmp_path: Path, logger: Logger) -> None:
        """A silent program, too, has left the old file when `reopen` returns."""
        logger.add(tmp_path / "app.log", format="{message}")
        logger.info("old")
        os.rename(tmp_path / "app.log", tmp_path / "app.log.1")
        logger.reopen()
        assert (tmp_path / "app.log").read_text() == ""
        logger.info("new")
        assert (tmp_path / "app.log").read_text() == "new\n"
        assert (tmp_path / "app.log.1").read_text() == "old\n"

    @pytest.mark.parametrize("mode", ["a", "w", "x"])
    def test_what_lies_there_is_kept(self, tmp_path: Path, logger: Logger, mode: str) -> None:
        """logrotate's `create` has made the new file, perhaps somebody has written to it: that is appended to."""
        logger.add(tmp_path / "app.log", format="{message}", mode=mode, permissions=0o600)
        os.rename(tmp_path / "app.log", tmp_path / "app.log.1")
        (tmp_path / "app.log").write_text("made by another\n")
        logger.reopen()
        logger.info("new")
        assert (tmp_path / "app.log").read_text() == "made by another\nnew\n"

    def test_a_file_that_is_made_again_has_its_permissions(self, tmp_path: Path, logger: Logger) -> None:
        """Also in a directory that had gone with the old file."""
        path = tmp_path / "logs" / "app.log"
        logger.add(path, format="{message}", permissions=0o640)
        os.rename(tmp_path / "logs", tmp_path / "old")
        logger.reopen()
        assert path.stat().st_mode & 0o777 == 0o640

    def test_copytruncate_leaves_no_hole(self, tmp_path: Path, logger: Logger) -> None:
        """A file that somebody else empties goes on at its beginning, without NUL bytes."""
        logger.add(tmp_path / "app.log", format="{message}")
        logger.info("before" * 1000)
        os.truncate(tmp_path / "app.log", 0)
        logger.info("after")
        logger.reopen()
        logger.info("later")
        assert (tmp_path / "app.log").read_text() == "after\nlater\n"


class TestSignals:
    def test_a_storm_of_them(self, program: Program) -> None:
        """Handlers that interrupt log calls at any place: no hang, no line lost or torn, across sixty renames."""
        ended = program.run(STORM)
        paths = list(ended.here.glob("app*.log"))
        lines = [line for path in paths for line in path.read_text().splitlines()]
        count = int((ended.here / "count.txt").read_text())
        assert len(paths) > 50
        assert sorted(int(line.split()[-1]) for line in lines) == list(range(count))
        assert all(line.split()[1] == "line" for line in lines)

    def test_in_the_middle_of_a_write_it_waits_for_its_end(self, tmp_path: Path, logger: Logger) -> None:
        """A rotation function is inside of the write; the record goes to the file that was open then."""
        moved: list[bool] = []

        def rotation(message: object, file: object) -> bool:
            if not moved:
                moved.append(True)
                os.rename(tmp_path / "app.log", tmp_path / "app.log.1")
                logger.reopen()
            return False

        logger.add(tmp_path / "app.log", format="{message}", rotation=rotation)
        logger.info("one")
        assert (tmp_path / "app.log.1").read_text() == "one\n"
        assert (tmp_path / "app.log").read_text() == ""
        logger.info("two")
        assert (tmp_path / "app.log").read_text() == "two\n"

    def test_another_thread_that_writes_opens_it(
        self, tmp_path: Path, logger: Logger, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """When that one takes too long, `reopen` returns all the same, and the file is opened after its write."""
        monkeypatch.setattr("mplog._sinks.file.use.REOPEN_BOUND", 0.01)
        writing, go_on = threading.Event(), threading.Event()

        def rotation(message: object, file: object) -> bool:
            writing.set()
            assert go_on.wait(10)
            return False

        logger.add(tmp_path / "app.log", format="{message}", rotation=rotation)
        thread = threading.Thread(target=logger.info, args=("one",))
        thread.start()
        assert writing.wait(10)
        os.rename(tmp_path / "app.log", tmp_path / "app.log.1")
        logger.reopen()
        assert not (tmp_path / "app.log").exists()
        go_on.set()
        thread.join()
        assert (tmp_path / "app.log.1").read_text() == "one\n"
        assert (tmp_path / "app.log").read_text() == ""


class TestRefused:
    def test_the_old_file_is_kept(
        self, tmp_path: Path, logger: Logger, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A path that cannot be opened is reported, and no record is lost; once it can, `reopen` goes there."""
        path = tmp_path / "app.log"
        logger.add(path, format="{message}")
        logger.info("one")
        os.rename(path, tmp_path / "app.log.1")
        path.mkdir()
        logger.reopen()
        logger.info("two")
        assert (tmp_path / "app.log.1").read_text() == "one\ntwo\n"
        said = capsys.readouterr().err
        assert f": {path} could not be opened again" in said
        assert "reopen()" in said
        path.rmdir()
        logger.reopen()
        logger.info("three")
        assert path.read_text() == "three\n"

    def test_no_descriptor_left(self, program: Program) -> None:
        """An exhausted table of descriptors is such a case, and the old descriptor still is the file's."""
        program.run(
            """
            import os, resource
            from mplog import logger

            logger.remove()
            logger.add("app.log", format="{message}")
            logger.info("one")
            os.rename("app.log", "app.log.1")
            taken = [os.open(os.devnull, os.O_RDONLY)]
            resource.setrlimit(resource.RLIMIT_NOFILE, (taken[0] + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
            logger.reopen()
            logger.info("two")
            os.close(taken.pop())
            with open("app.log.1") as file:
                assert file.read() == "one\\ntwo\\n"
            """,
            silent=False,
        )

    def test_a_fifo_in_the_place_of_the_file(
        self, tmp_path: Path, logger: Logger, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Opening it would wait for a reader, perhaps for ever."""
        path = tmp_path / "app.log"
        logger.add(path, format="{message}")
        os.rename(path, tmp_path / "app.log.1")
        os.mkfifo(path)
        logger.reopen()
        logger.info("one")
        assert (tmp_path / "app.log.1").read_text() == "one\n"
        assert "no regular file" in capsys.readouterr().err


class TestLeftAlone:
    def test_a_file_that_did_not_move(self, tmp_path: Path, logger: Logger) -> None:
        """Its descriptor is the same after any number of calls."""
        logger.add(tmp_path / "app.log", format="{message}")
        (handler,) = logger._core.handlers()
        before = handler.sink._file.fd  # type: ignore[union-attr]  # a file's sink
        for _ in range(10):
            logger.reopen()
        assert handler.sink._file.fd == before  # type: ignore[union-attr]  # the same

    def test_what_is_no_file(self, logger: Logger) -> None:
        """Functions, devices, and a logger without handlers."""
        logger.reopen()
        seen: list[str] = []
        logger.add(seen.append, format="{message}")
        logger.add("/dev/null")
        logger.reopen()
        logger.info("one")
        assert seen == ["one\n"]

    def test_a_delayed_file_stays_unmade(self, tmp_path: Path, logger: Logger) -> None:
        """It is opened at the first record, as it was told."""
        logger.add(tmp_path / "app.log", delay=True)
        logger.reopen()
        assert not (tmp_path / "app.log").exists()

    def test_in_a_worker(self, program: Program) -> None:
        """The file is the owner's: the worker's call makes nothing, and its records follow when the owner calls."""
        ended = program.run(
            """
            import os
            from mplog import logger

            logger.remove()
            logger.add("app.log", format="{message}")
            child = os.fork()
            if child == 0:
                os.rename("app.log", "app.log.1")
                logger.reopen()
                assert not os.path.exists("app.log")
                logger.info("worker one")
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
            logger.reopen()
            logger.info("owner")
            """
        )
        assert sorted(ended.log()) == ["owner", "worker one"]

    def test_a_worker_without_owner_writes_itself_and_opens_itself(self, program: Program) -> None:
        """An orphan's files are its own."""
        running = program.start(
            """
            import os, time
            from mplog import logger

            logger.remove()
            logger.add("app.log", format="{message}")
            owner = os.getpid()
            if os.fork():
                os._exit(0)
            while os.getppid() == owner:
                time.sleep(0.01)
            logger.info("one")
            assert logger.complete(20)
            os.rename("app.log", "app.log.1")
            logger.reopen()
            assert os.path.exists("app.log")
            logger.info("two")
            """
        )
        running.wait()
        program.wait_for_members()
        assert (program.here / "app.log.1").read_text() == "one\n"
        assert (program.here / "app.log").read_text() == "two\n"
