"""What others put beside a log, or say in its attributes, neither misleads its records nor costs any of them.

The victim is one user, the neighbour another, and the directory one that both may write, as /tmp is.
"""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from programs import PATIENCE

import mplog
from mplog._sinks.file.naming import part_name

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two users")

VICTIM, NEIGHBOUR, GROUP = 52345, 52346, 52347
DATE = "2020-01-01_00-00-00_000000"
OLD = f"app.{DATE}.log"

BECOME = """
import ctypes, gzip, importlib, linecache, os, pkgutil, sys, traceback, unittest.mock
import mplog
for module in pkgutil.walk_packages(mplog.__path__, "mplog."):
    if not module.name.startswith("mplog.cli.") and not module.name.endswith("__main__"):
        importlib.import_module(module.name)
user, group, source = int(sys.argv[1]), int(sys.argv[2]), sys.argv.pop(3)
del sys.argv[1:3]
if user:
    os.setgroups([group])
    os.setgid(user)
    os.setuid(user)
    ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # As after an exec: it may look at itself in /proc.
exec(compile(source, "<program>", "exec"), {"__name__": "__main__"})
"""
"""Another user may not be able to run this interpreter, nor to import from where it is. Runs the third argument."""

SETUP = """
import os, sys
from mplog import logger
logger.remove()
"""
USES = """
import fcntl, os, struct, sys
fd = os.open(sys.argv[1], os.O_CREAT | os.O_RDWR, 0o666)
os.fchmod(fd, 0o666)
fcntl.fcntl(fd, 37, struct.pack("hhqqi4x", fcntl.F_RDLCK, 0, 1 << 62, 1, 0))
print("in use", flush=True)
sys.stdin.readline()
"""
"""Says that it writes a file, as a log does."""


class Place:
    """A directory in which both users may make files, and programs of theirs."""

    def __init__(self, directory: Path) -> None:
        self.here = directory / "shared"
        self._directory = directory
        self._running: list[subprocess.Popen[str]] = []
        directory.chmod(0o755)
        self.here.mkdir()
        self.here.chmod(0o1777)

    def start(self, user: int, source: str, *arguments: object) -> subprocess.Popen[str]:
        """Start a program of *user*."""
        runtime = self._directory / f"runtime{user}"
        runtime.mkdir(exist_ok=True)
        os.chown(runtime, user, user)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MPLOG_")}
        process = subprocess.Popen(
            [sys.executable, "-c", BECOME, str(user), str(GROUP), source, *map(str, arguments)],
            cwd=self.here,
            env={
                **environment,
                "MPLOG_RUNTIME_DIR": str(runtime),
                "PYTHONPATH": str(Path(mplog.__file__).parent.parent),
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._running.append(process)
        return process

    def run(self, user: int, source: str, *arguments: object, status: int = 0) -> str:
        """Run it to its end; what it has said on standard error."""
        process = self.start(user, source, *arguments)
        _, said = process.communicate(timeout=PATIENCE)
        assert process.returncode == status, said
        return said

    def logs(self) -> dict[str, str]:
        """The content of all regular files here."""
        return {path.name: path.read_text() for path in self.here.iterdir() if path.is_file() and path.suffix != ".gz"}

    def end(self) -> None:
        for process in self._running:
            if process.poll() is None:
                process.kill()
            process.communicate()


@pytest.fixture
def place() -> Iterator[Place]:
    directory = Path(tempfile.mkdtemp(prefix="mplog-neighbours-"))
    found = Place(directory)
    try:
        yield found
    finally:
        found.end()
        shutil.rmtree(directory)


def set_attribute(name: str, value: str) -> str:
    return f"import os, sys\nos.setxattr(sys.argv[1], {name!r}, {value!r}.encode())"


def belongs_to(path: Path, user: int) -> bool:
    return path.lstat().st_uid == user


class TestWhereRecordsGo:
    @pytest.mark.parametrize("permissions", ["0o666", "None"])
    @pytest.mark.parametrize("target", ["secret.conf", "other_2031.log", "app_2031-01-31.log"])
    def test_the_way_to_the_next_file(self, place: Place, permissions: str, target: str) -> None:
        """Who may write the log cannot lead its records into another file, be it the victim's own."""
        logs, secret = place.here / "logs", place.here / "secret"
        for directory in (logs, secret):
            directory.mkdir(mode=0o755)
        (secret / target).write_text("root only\n")
        victim = place.start(
            0,
            f"""{SETUP}
logger.add("logs/app_{{time:YYYY-MM-DD}}.log", format="{{message}}", rotation="1 h", permissions={permissions})
for _ in range(3):
    logger.info("record")
    print("logged", flush=True)
    sys.stdin.readline()
""",
        )
        assert victim.stdin is not None
        assert victim.stdout is not None
        victim.stdout.readline()
        (log,) = logs.iterdir()
        log.chmod(0o666)
        place.run(NEIGHBOUR, set_attribute("user.mplog.next", str(secret / target)), log)
        _, said = victim.communicate("\n\n\n", timeout=PATIENCE)
        assert log.read_text() == "record\n" * 3
        assert (secret / target).read_text() == "root only\n"
        assert said.count("\n") <= 1
        if target != "app_2031-01-31.log" or permissions == "None":
            assert "user.mplog.next" in said

    @pytest.mark.parametrize("permissions", [0o600, 0o644, None])
    def test_a_file_in_use_by_a_neighbour(self, place: Place, permissions: int | None) -> None:
        """Records of a path with `{time}` go into a file of the user who logs them, whoever uses one of that name."""
        theirs = place.here / "app_2020-01-01_00-00-00_000000.log"
        neighbour = place.start(NEIGHBOUR, USES, theirs)
        assert neighbour.stdout is not None
        assert neighbour.stdout.readline() == "in use\n"
        said = place.run(
            VICTIM,
            f"""{SETUP}
logger.add("app_{{time}}.log", format="{{message}}", rotation="1 day", permissions={permissions})
logger.info("secret")
logger.info("secret")
""",
        )
        assert theirs.read_text() == ""
        (mine,) = (path for path in place.here.iterdir() if path != theirs)
        assert mine.read_text() == "secret\nsecret\n"
        assert belongs_to(mine, VICTIM)
        assert said.count("\n") == 1
        assert f"{theirs} (of user {NEIGHBOUR})" in said

    def test_a_second_name_of_a_file_of_the_victim(self, place: Place) -> None:
        """A hard link that looks like the log's current file is not written to."""
        private = place.here / "private.conf"
        private.write_text("settings\n")
        os.chown(private, VICTIM, VICTIM)
        os.link(private, place.here / f"app_{DATE}.log")
        neighbour = place.start(NEIGHBOUR, USES.replace("os.O_RDWR", "0").replace("os.fchmod", "len(())#"), private)
        assert neighbour.stdout is not None
        assert neighbour.stdout.readline() == "in use\n"
        place.run(VICTIM, f"{SETUP}\nlogger.add('app_{{time}}.log', rotation='1 day')\nlogger.info('secret')")
        assert private.read_text() == "settings\n"
        assert not [name for name in os.listxattr(private) if "mplog" in name]

    def test_a_name_that_is_taken(self, place: Place) -> None:
        """A file that a neighbour has put where the time would have one made is refused, and not touched."""
        template = "app_{time:YYYY}.log"
        prepare = (
            "import os, sys, time\nopen(time.strftime('app_%Y.log'), 'w').close()\nos.chmod(os.listdir()[0], 0o666)"
        )
        place.run(NEIGHBOUR, prepare)
        said = place.run(VICTIM, f"{SETUP}\nlogger.add({template!r}, mode='w')\nlogger.info('secret')", status=1)
        assert f"belongs to user {NEIGHBOUR}, not to user {VICTIM}" in said
        (theirs,) = place.here.iterdir()
        assert theirs.read_text() == ""
        # Whoever has the directory to himself may have made it for this program.
        os.chown(place.here, NEIGHBOUR, NEIGHBOUR)
        place.run(VICTIM, f"{SETUP}\nlogger.add({template!r}, format='{{message}}')\nlogger.info('shared')")
        assert theirs.read_text() == "shared\n"

    @pytest.mark.parametrize("what", ["file", "fifo", "link", "directory"])
    @pytest.mark.parametrize("rotation", ["None", "'1 day'"])
    def test_whatever_takes_it(self, place: Place, what: str, rotation: str) -> None:
        """A FIFO is not waited for, a link not followed, and a directory whose name is a time not used."""
        plant = {
            "file": "open(name + '/app.log', 'w').close(); os.chmod(name + '/app.log', 0o666)",
            "fifo": "os.mkfifo(name + '/app.log'); os.chmod(name + '/app.log', 0o666)",
            "link": "os.symlink(sys.argv[1], name + '/app.log')",
            "directory": "pass",
        }
        private = place.here / "private.conf"
        private.write_text("settings\n")
        os.chown(private, VICTIM, VICTIM)
        source = (
            f"import os, sys, time\nname = time.strftime('%Y')\nos.mkdir(name); os.chmod(name, 0o777)\n{plant[what]}"
        )
        place.run(NEIGHBOUR, source, private)
        said = place.run(
            VICTIM,
            f"{SETUP}\nlogger.add('{{time:YYYY}}/app.log', rotation={rotation})\nlogger.info('secret')",
            status=1,
        )
        assert f"belongs to user {NEIGHBOUR}, not to user {VICTIM}" in said
        assert private.read_text() == "settings\n"
        assert not [path for path in place.here.rglob("*") if path.is_file() and "secret" in path.read_text()]

    @pytest.mark.parametrize("permissions", [0o660, 0o666])
    def test_users_who_want_to_share(self, place: Place, permissions: int) -> None:
        """`permissions` that lets others write makes one log of the files of several users."""
        os.chown(place.here, 0, GROUP)
        place.here.chmod(0o2775)
        source = f"""{SETUP}
logger.add("app_{{time}}.log", format="{{message}}", rotation="1 day", permissions={permissions})
logger.info(sys.argv[1])
print("logged", flush=True)
sys.stdin.readline()
logger.info(sys.argv[1])
"""
        first = place.start(NEIGHBOUR, source, "first")
        assert first.stdout is not None
        first.stdout.readline()
        said = place.run(VICTIM, source, "second")
        first.communicate("\n", timeout=PATIENCE)
        assert sorted("".join(place.logs().values()).split()) == ["first", "first", "second", "second"]
        assert len(place.logs()) == 1
        assert said == ""


WAYS = {
    "direct": "for number in range(20): logger.info('record {}', number)",
    "worker": """
child = os.fork()
if not child:
    for number in range(20): logger.info("record {}", number)
    os._exit(0)
os.waitpid(child, 0)
logger.complete()
logger.remove()
""",
}


@pytest.mark.parametrize(("way", "rotation"), [("direct", "100 B"), ("direct", "1 h"), ("worker", "100 B")])
@pytest.mark.parametrize(
    ("name", "value", "mode"),
    [
        ("user.mplog.created", "1e300", 0o644),
        ("user.mplog.created", "-1e300", 0o666),
        ("user.mplog.created", "x" * 3000, 0o644),
        ("user.loguru_crtime", "1e18", 0o644),
        ("user.mplog.series", "1e300 1e300 3600.0", 0o666),
        ("user.mplog.series", "0", 0o644),
    ],
    ids=lambda value: str(value)[:20],
)
def test_wrong_attributes(place: Place, name: str, value: str, mode: int, rotation: str, way: str) -> None:
    """They cost no record, delay none, and are said at most once, be they damaged or set by others."""
    path = place.here / "app.log"
    path.write_text("old line\n")
    os.chown(path, VICTIM, VICTIM)
    os.setxattr(path, name, value.encode())
    path.chmod(mode)
    said = place.run(
        VICTIM, f"{SETUP}\nlogger.add('app.log', format='{{message}}', rotation={rotation!r})\n{WAYS[way]}"
    )
    lines = sorted("".join(place.logs().values()).splitlines())
    assert lines == sorted(["old line", *(f"record {number}" for number in range(20))])
    read = rotation == "1 h" or name != "user.mplog.series"
    assert said.count("\n") == int(read), said
    assert (name in said) == read
    assert len(said) < 1500


class TestOldFiles:
    ROTATES = f"""{SETUP}
logger.add("app.log", format="{{message}}", rotation="100 B", **eval(sys.argv[1]))
for number in range(20):
    logger.info("record {{}} xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", number)
logger.remove()
"""

    def plant(self, place: Place, user: int, name: str, age: float, content: bytes = b"x") -> Path:
        path = place.here / name
        path.write_bytes(content)
        os.utime(path, (age, age))
        os.chown(path, user, user)
        return path

    @pytest.mark.parametrize("age", [1.0, 4e9], ids=["old", "of the future"])
    def test_of_neighbours_push_none_out(self, place: Place, age: float) -> None:
        """What a neighbour puts there counts for no retention, is not tried to be removed, and is said once."""
        theirs = [self.plant(place, NEIGHBOUR, OLD.replace("2020", f"{2020 + n}"), age) for n in range(3)]
        said = place.run(VICTIM, self.ROTATES, "dict(retention=3)")
        assert all(path.read_text() == "x" for path in theirs)
        assert len([path for path in place.here.iterdir() if belongs_to(path, VICTIM)]) == 4
        assert said.count("\n") == 1
        assert "and 2 more files have names of the log" in said

    @pytest.mark.parametrize("mode", [0o644, 0o600, 0])
    @pytest.mark.parametrize("owner", [0, NEIGHBOUR])
    @pytest.mark.parametrize("directory", ["shared", "own", "own, group writes"])
    def test_that_may_not_be_compressed(self, place: Place, directory: str, owner: int, mode: int) -> None:
        """The program starts, logs and rotates, whoever has left an old file: it ran as root once, for instance."""
        if directory != "shared":
            os.chown(place.here, VICTIM, VICTIM)
            place.here.chmod(0o755 if directory == "own" else 0o775)
        path = self.plant(place, owner, OLD, 1.0)
        path.chmod(mode)
        for _ in range(2):
            said = place.run(VICTIM, self.ROTATES, "dict(compression='gz', catch=False)")
            made = [each for each in place.here.iterdir() if belongs_to(each, VICTIM) and DATE not in each.name]
            if directory == "own" and mode == 0o644:
                # Nobody but this user can have put it there, and the directory says who may remove it.
                assert not path.exists()
                assert gzip.decompress((place.here / f"{OLD}.gz").read_bytes()) == b"x"
                assert said == ""
            else:
                assert path.read_bytes() == b"x"
                assert said.count("\n") == 1, said
                assert str(path) in said
        records = [line for each in made for line in self.content(each).splitlines()]
        assert len(records) == 40
        assert not [each for each in place.here.iterdir() if each.name.endswith("part")]

    @staticmethod
    def content(path: Path) -> str:
        data = path.read_bytes()
        return (gzip.decompress(data) if path.suffix == ".gz" else data).decode()

    @pytest.mark.parametrize("what", ["archive", "archive and part", "part", "fifo", "fifo as part", "link as part"])
    def test_an_archive_that_a_neighbour_has_made(self, place: Place, what: str) -> None:
        """An old file stays until it is in an archive of its own user, which nobody else can empty afterwards."""
        source = self.plant(place, VICTIM, OLD, 1e9, b"precious\n" * 10)
        target, part = Path(f"{source}.gz"), Path(part_name(f"{source}.gz"))
        if what.startswith("archive"):
            self.plant(place, NEIGHBOUR, target.name, 1e9, gzip.compress(source.read_bytes()))
            if what.endswith("part"):
                os.link(target, part)
        elif what == "part":
            self.plant(place, NEIGHBOUR, part.name, 1e9).chmod(0o666)
        elif what == "link as part":
            part.symlink_to(self.plant(place, VICTIM, "private.conf", 1e9))
            os.lchown(part, NEIGHBOUR, NEIGHBOUR)
        else:
            os.mkfifo(part if what.endswith("part") else target, 0o666)
            os.chown(part if what.endswith("part") else target, NEIGHBOUR, NEIGHBOUR)
        said = place.run(VICTIM, self.ROTATES, "dict(compression='gz')")
        assert said.count("\n") <= 2, said
        assert said
        assert source.read_bytes() == b"precious\n" * 10
        if what == "part":
            assert part.read_bytes() == b"x"
        assert (place.here / "app.log").exists()
        if what == "link as part":
            assert (place.here / "private.conf").read_bytes() == b"x"
