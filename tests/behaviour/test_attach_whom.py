"""Whom `attach()` joins and whom it does not, by what `MPLOG_SESSION` names; beyond.md, row 18."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from attached import OWNER, write_helper
from programs import Program

import mplog
from mplog._logger import ending
from mplog._logger.core import Core
from mplog._session import announce
from mplog._sinks import report


class TestNobodyToJoin:
    @pytest.mark.parametrize(
        "value",
        ["", "nonsense", ":::", "/dev/shm/mplog-0/sessions/00", "/etc/passwd", "%", "x" * 100_000, "../../sessions/a"],
        ids=lambda value: value[:20],
    )
    def test_a_value_that_names_nothing(self, program: Program, value: str) -> None:
        """`attach()` says so, and this program is an owner, with its own session announced until its end."""
        program.run(
            """
            import os
            from mplog import attach, logger

            before = os.environ["MPLOG_SESSION"]
            assert attach() is False
            assert attach() is False
            named = os.environ["MPLOG_SESSION"]
            assert named != before and os.path.isdir(named), named
            logger.remove()
            logger.add("app.log", format="{message}")
            logger.info("own")
            """,
            environment={"MPLOG_SESSION": value},
        )
        assert (program.here / "app.log").read_text() == "own\n"

    def test_the_owner_has_ended(self, program: Program) -> None:
        """A value that outlived its session: the process logs for itself, as does what it starts."""
        late = write_helper(
            program,
            """
            import multiprocessing, os, sys, time
            from mplog import attach, logger

            def work():
                assert attach()
                logger.info("child")

            if __name__ == "__main__":
                parent = os.getppid()
                print(flush=True)
                while os.getppid() == parent:
                    time.sleep(0.01)
                assert os.environ["MPLOG_SESSION"]
                assert not attach()
                logger.remove()
                logger.add("late.log", format="{message}")
                logger.info("late")
                for method in ("fork", "spawn"):
                    child = multiprocessing.get_context(method).Process(target=work)
                    child.start()
                    child.join()
                    assert child.exitcode == 0
            """,
        )
        running = program.start(
            """
            import subprocess, sys
            from mplog import attach, logger

            logger.remove()
            logger.add("app.log")
            attach()
            late = subprocess.Popen([sys.executable, sys.argv[1]], stdout=subprocess.PIPE)
            late.stdout.readline()
            late.stdout.close()
            late.returncode = 0
            """,
            late,
        )
        ended = running.wait()
        assert ended.status == 0
        program.leaves_nothing()
        assert ended.log("late.log") == ["late", "child", "child"]
        assert ended.log() == []

    def test_a_helper_that_does_not_attach(self, program: Program) -> None:
        """Its processes are its own workers, though the environment names another session that lives."""
        helper = write_helper(
            program,
            """
            import multiprocessing
            from mplog import logger

            logger.remove()
            logger.add("helper.log", format="{message}")
            logger.info("imported")

            def work():
                logger.info("child")

            if __name__ == "__main__":
                for method in ("fork", "spawn", "forkserver"):
                    child = multiprocessing.get_context(method).Process(target=work)
                    child.start()
                    child.join()
                    assert child.exitcode == 0
            """,
        )
        ended = program.run(
            """
            import os, subprocess, sys
            from mplog import attach, logger

            logger.remove()
            logger.add("app.log", format="{message}")
            attach()
            subprocess.run([sys.executable, "-W", "error", sys.argv[1]], check=True)
            """,
            helper,
        )
        assert ended.log() == []
        assert Counter(ended.log("helper.log"))["child"] == 3

    def test_no_room_for_a_session(self, program: Program) -> None:
        """It is said, and the process goes on by itself."""
        ended = program.run(
            """
            from mplog import attach, logger

            logger.remove()
            logger.add("app.log", format="{message}")
            assert attach() is False
            logger.info("own")
            """,
            environment={"MPLOG_RUNTIME_DIR": "/proc/no"},
            silent=False,
        )
        assert ended.log() == ["own"]
        assert "no runtime directory" in ended.said

    def test_arguments_are_an_error(self) -> None:
        """It takes none."""
        with pytest.raises(TypeError):
            mplog.attach("session")  # type: ignore[call-arg]  # on purpose


class TestTheVariable:
    def test_it_goes_with_the_session(self, program: Program) -> None:
        """What was there before is there afterwards: nothing, or what somebody else has set."""
        program.run(
            """
            import atexit, os, sys
            atexit.register(lambda: sys.stdout.write(repr(os.environ.get("MPLOG_SESSION"))))  # runs after mplog's
            from mplog import attach, logger

            logger.remove()
            assert "MPLOG_SESSION" not in os.environ
            attach()
            assert os.environ["MPLOG_SESSION"].startswith(os.environ["MPLOG_RUNTIME_DIR"])
            """
        )
        assert program._started[-1]._output.read_text() == "None"

    def test_a_path_with_colons(self, program: Program, tmp_path: Path) -> None:
        """A runtime directory may have any name."""
        odd = tmp_path / "a:b%3A c%25"
        odd.mkdir()
        ended = program.start(OWNER, write_helper(program), environment={"MPLOG_RUNTIME_DIR": str(odd)}).wait()
        assert (ended.status, ended.said) == (0, "")
        assert len(ended.log()) == 2000
        assert list(odd.iterdir()) == []

    def test_importing_and_configuring_sets_nothing(self, program: Program) -> None:
        """Only what makes a session does."""
        program.run(
            """
            import os, subprocess, sys
            from mplog import logger

            logger.remove()
            logger.add("app.log")
            logger.info("one")
            subprocess.run([sys.executable, "-c", "pass"], check=True)
            assert "MPLOG_SESSION" not in os.environ
            """
        )


class TestNotTrusted:
    @pytest.fixture
    def session(self, runtime_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
        """The path of a living session of this process's parent, as its control page says."""
        from mplog._session import place
        from mplog._session.identity import Identity, boot_id, pid_namespace, start_token

        parent = os.getppid()
        made = place.make_place(Identity(parent, start_token(parent) or 0, boot_id(), pid_namespace()), [])
        monkeypatch.setenv(announce.ENVIRONMENT, made.path)
        yield made.path
        made.control.close()

    def test_it_is_found(self, session: str) -> None:
        """The fixture is right: without anything wrong the session is joined."""
        assert [place.path for place in announce.announced()] == [session]

    @pytest.mark.parametrize("name", ["getuid", "getgid"])
    def test_rights_of_another_user(self, session: str, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        """A program with set-user-id (or group) has the environment of whoever started it."""
        real = getattr(os, name)()
        monkeypatch.setattr(os, name, lambda: real + 1)
        assert announce.announced() == []

    @pytest.mark.parametrize("steps", [0, 1, 2])
    def test_directories_that_others_can_enter(self, session: str, steps: int) -> None:
        """Each of the three must be private."""
        path = Path(session)
        for _ in range(steps):
            path = path.parent
        path.chmod(0o750)
        assert announce.announced() == []

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can give something away")
    @pytest.mark.parametrize("steps", [0, 1, 2])
    def test_directories_of_another_user(self, session: str, steps: int) -> None:
        """Each of the three must be this user's own, whatever its mode."""
        path = Path(session)
        for _ in range(steps):
            path = path.parent
        os.chown(path, 65534, 65534)
        assert announce.announced() == []

    def test_another_name_than_its_id(self, session: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """The id in the environment must be the one on the control page."""
        other = session[:-4] + ("0000" if session[-4:] != "0000" else "1111")
        os.rename(session, other)
        monkeypatch.setenv(announce.ENVIRONMENT, other)
        assert announce.announced() == []

    def test_another_boot(self, session: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """A directory on a disk outlives the machine's session; its owner does not."""
        monkeypatch.setattr(announce, "boot_id", lambda: b"x" * 16)
        assert announce.announced() == []

    def test_a_link_instead_of_a_directory(self, session: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """The steps of the path are the directories themselves."""
        base = tmp_path / f"mplog-{os.geteuid()}"
        base.mkdir(0o700)
        (base / "sessions").symlink_to(Path(session).parent)
        monkeypatch.setenv(announce.ENVIRONMENT, str(base / "sessions" / Path(session).name))
        assert announce.announced() == []

    @pytest.mark.parametrize("what", ["link", "fifo", "of another user"])
    def test_a_registry_of_another_user(self, session: str, what: str, capsys: pytest.CaptureFixture[str]) -> None:
        """It is not looked into; a link to somebody's file is not followed, and a FIFO not waited for."""
        from mplog._logger import registry
        from mplog._session.place import REGISTRY

        if what == "of another user" and os.geteuid() != 0:
            pytest.skip("only root can give something away")
        path = Path(session) / REGISTRY
        real = path.with_name("real") if what == "link" else path
        if what == "fifo":
            os.mkfifo(path)
        else:
            real.write_bytes(b"cos\nabort\n(tR.")
        if what == "link":
            path.symlink_to(real)
        elif what == "of another user":
            os.chown(path, 65534, 65534)
        (place,) = announce.announced()
        assert registry.read(place) is None
        assert capsys.readouterr().err == ""

    @pytest.mark.parametrize("content", [b"", b"torn", b"cmplog._logger.gone\nNone\n.", b"cos\nstat\n(tR.", b"}."])
    def test_a_registry_of_another_version(
        self, session: str, content: bytes, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Whatever it does when it is read, the process that joins starts."""
        from mplog._logger import registry
        from mplog._session.place import REGISTRY

        report._said.clear()
        (Path(session) / REGISTRY).write_bytes(content)
        (place,) = announce.announced()
        assert registry.read(place) is None
        assert not content or "has another version of mplog (" in capsys.readouterr().err

    def test_a_registry_that_would_do_something(
        self, session: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """It is plain data: a function that it names is neither looked for nor called, and no module is imported."""
        from mplog._logger import registry
        from mplog._session.place import REGISTRY

        (tmp_path / "theirs.py").write_text("raise SystemExit")
        monkeypatch.syspath_prepend(str(tmp_path))
        (place,) = announce.announced()
        for content in (
            f"cos\nmkdir\n(V{tmp_path}/made\ntR.",
            "ctheirs\nf\n(tR.",
            "cmplog._session.directory\nmake\n.",
        ):
            report._said.clear()
            (Path(session) / REGISTRY).write_text(content)
            assert registry.read(place) is None
            assert "is no plain data" in capsys.readouterr().err
        assert [path.name for path in tmp_path.iterdir()] == ["theirs.py"]


def test_a_logger_that_does_not_serve_the_process_announces_nothing(tmp_path: Path) -> None:
    """Copies of the logger have sessions of their own, which nobody is told of."""
    from mplog._logger.logger import Logger

    logger = Logger(Core(), {})
    before = os.environ.get(announce.ENVIRONMENT)
    logger.add(tmp_path / "app.log", enqueue=True)
    assert os.environ.get(announce.ENVIRONMENT) == before
    ending.stop(logger._core)
