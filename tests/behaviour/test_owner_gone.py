"""The owner is gone without a word, or stands still: its workers notice, lose nothing, and never wait long.

beyond.md, row 4: killed, ended or replaced by another program, its workers write the files themselves. Stopped, it is
still the owner, and nothing is taken from it.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from programs import Program, Running, assert_once_in_order, wait_until

LONGEST_CALL = 2.0
"""Seconds that no log call of a worker may take, whatever happens to the owner."""

NOTICE_WITHIN = 2.0
"""Seconds after which a worker that goes on logging writes the file itself."""

WORK = """
import json, multiprocessing, os, signal, sys, time
from mplog import logger

how, method, owner = sys.argv[1], sys.argv[2], int(os.environ.get("OWNER", os.getpid()))

def configure(**options):
    logger.remove()
    logger.add("app.log", format="{process.id} {message}", **options)

class Calls:
    '''The calls of this worker, measured.'''

    def __init__(self, name):
        self.name, self.count, self.longest = name, 0, 0.0

    def log(self):
        before = time.monotonic()
        logger.info("{} {}", self.name, self.count)
        self.longest = max(self.longest, time.monotonic() - before)
        self.count += 1

    def end(self, **more):
        path = f"{self.name}.txt"
        with open(f"{path}.new.txt", "w") as file:
            json.dump({"count": self.count, "longest": self.longest, **more}, file)
        os.rename(f"{path}.new.txt", path)

def is_in_file(text):
    with open("app.log", "rb") as file:
        file.seek(max(0, os.path.getsize("app.log") - 4096))
        return text.encode() in file.read()

def gone(pid):
    '''Whether the program that configured the log does not run any more.'''
    try:
        return open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[0] in "ZX" or os.path.exists("replaced.txt")
    except OSError:
        return True
"""

GOES = (
    WORK
    + """
def work(name):
    calls = Calls(name)
    while not gone(owner):
        calls.log()
        time.sleep(0.001)
    since = time.monotonic()
    noticed = None
    while noticed is None or calls.count % 50:
        calls.log()
        time.sleep(0.005)
        if noticed is None and is_in_file(f"{name} {calls.count - 1}\\n"):
            noticed = time.monotonic() - since
    calls.end(noticed=noticed)

if __name__ == "__main__":
    os.environ["OWNER"] = str(owner)
    configure(rotation="20 KB", enqueue=how == "exec enqueue")
    for name in ("a", "b", "c"):
        multiprocessing.get_context(method).Process(target=work, args=(name,)).start()
    for n in range(20):
        logger.info("owner {}", n)
    while os.path.getsize("app.log") < 3000:
        time.sleep(0.002)
    if how == "killed":
        os.kill(owner, signal.SIGKILL)
    else:
        code = "import os, time; open('replaced.txt', 'w').close()"
        code += "\\nwhile not all(map(os.path.exists, ('a.txt', 'b.txt', 'c.txt'))): time.sleep(0.01)"
        os.execv(sys.executable, [sys.executable, "-c", code])
"""
)


def ends(program: Program, names: str = "abc") -> Iterator[tuple[str, dict[str, float]]]:
    """What each worker has measured, when it is through."""
    for name in names:
        path = program.here / f"{name}.txt"
        wait_until(path.exists, f"worker {name} is through", within=30)
        yield name, json.loads(path.read_text())


class TestGone:
    @pytest.mark.parametrize(
        ("how", "method"), [("killed", "fork"), ("killed", "spawn"), ("exec", "spawn"), ("exec enqueue", "fork")]
    )
    def test_workers_notice_in_time_and_write_the_file_themselves(
        self, program: Program, how: str, method: str
    ) -> None:
        """No record is lost or doubled, no call is long, and each worker says once that it is alone."""
        running = program.start(GOES, how, method)
        expected = [f"owner {n}" for n in range(20)]
        for name, figures in ends(program):
            assert figures["longest"] < LONGEST_CALL
            assert figures["noticed"] < NOTICE_WITHIN
            expected += [f"{name} {n}" for n in range(int(figures["count"]))]
        ended = running.wait()
        program.leaves_nothing()
        assert_once_in_order(running.log(), expected)
        said = [line for line in ended.said.splitlines() if line.startswith("mplog:")]
        assert len(said) == len(set(said)) == 3, said
        assert all(f"the owner of the log (process {running.process.pid}) is gone" in line for line in said)
        assert max(path.stat().st_size for path in program.here.glob("app*.log")) <= 20_000


IDLE = """
import multiprocessing, os, signal, sys, time
from mplog import logger
from mplog._session import lookout, orphan
from mplog._writer.drain import Drain

def wait_for(name):
    while not os.path.exists(name):
        time.sleep(0.005)

def work(name):
    if sys.argv[2] == "others":
        lookout.Lookout.watch = lambda *_: None
    if sys.argv[2] == "complete":
        orphan.FILE_BOUND = 3.0
        attempts, attempt = [], orphan.Orphan._attempt
        orphan.Orphan._attempt = lambda *arguments, **more: (
            attempts.append(arguments[0]), attempt(*arguments, **more)
        )
    for number in range(5):
        logger.info("{} {}", name, number)
    open(f"{name}.txt", "w").close()
    wait_for(f"{name} goes on.txt")
    if sys.argv[2] == "complete":
        while len(attempts) < 2:  # The second one is under way, which has no more than the file's lock to wait for.
            time.sleep(0.005)
        assert not attempts[0].has_caught_up
        open(f"{name} asks.txt", "w").close()
        assert logger.complete(10)
        with open("app.log") as file:
            assert file.read().count(f" {name} ") == 5
    for number in range(5, 10):
        logger.info("{} {}", name, number)

if __name__ == "__main__":
    logger.remove()
    logger.add("app.log", format="{process.id} {message}")
    Drain.round = lambda self, **how: 0  # The writer lives and gets nowhere.
    for name in "ab":
        multiprocessing.get_context(sys.argv[1]).Process(target=work, args=(name,)).start()
    for name in "ab":
        wait_for(f"{name}.txt")
    if sys.argv[3] == "exec":
        code = "import os, time\\nwhile not os.path.exists('b goes on.txt'): time.sleep(0.01)"
        os.execv(sys.executable, [sys.executable, "-c", code])
    os.kill(os.getpid(), signal.SIGKILL)
"""

NEXT = """
from mplog import logger

logger.remove()
logger.add("app.log", format="{process.id} {message}")
logger.info("next 0")
"""

STOPS = (
    WORK
    + """
def work(name):
    calls = Calls(name)
    while not os.path.exists("stopped.txt"):
        calls.log()
    while not os.path.exists("enough.txt"):
        calls.log()
        time.sleep(0.01)
    calls.end()

if __name__ == "__main__":
    os.environ["OWNER"] = str(owner)
    configure()
    processes = [multiprocessing.get_context(method).Process(target=work, args=(name,)) for name in ("a", "b")]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    logger.info("owner 0")
"""
)


def stop(running: Running, here: Path) -> None:
    """Stop the owner alone, and wait until it stands still."""
    os.kill(running.process.pid, signal.SIGSTOP)
    stat = Path(f"/proc/{running.process.pid}/stat")
    wait_until(lambda: stat.read_text().rpartition(")")[2].split()[0] == "T", "the owner stands still")
    (here / "stopped.txt").touch()


def has_open(process: str, path: Path) -> bool:
    """Whether *process* has *path* open."""
    return any(fd.exists() and fd.samefile(path) for fd in Path(f"/proc/{process}/fd").iterdir())


ALONE = """
import os, signal, sys, time
from mplog import logger
from mplog._session import recovery, rings
from mplog._session.link import Link
from mplog._session.spills import Spills
from mplog._writer.drain import Drain

owner = os.getpid()
runtime = os.environ["MPLOG_RUNTIME_DIR"]

def wait_for(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)

def sessions():
    return [name for _, names, _ in os.walk(runtime) for name in names if len(name) == 32]

def rotate(message, file):
    with open("mask.txt", "w") as mask:
        mask.write(str(signal.pthread_sigmask(signal.SIG_BLOCK, [])))
    return False

def late():
    # It has its first record when the session is gone, though the owner's number lives.
    wait_for(lambda: os.path.exists("app.log") and os.path.getsize("app.log") and not sessions())
    logger.info("late 0")

def large():
    # Between the spill and the push of its record the owner dies, and what lies beside the ring is gone.
    logger.info("large 0")
    put = Spills.put
    def die(self, body):
        name = put(self, body)
        if not os.path.exists("dead.txt"):
            open("dead.txt", "w").close()
            os.kill(owner, signal.SIGKILL)
            wait_for(lambda: not sessions())
        return name
    Spills.put = die
    logger.info("{} 1", "large " * 50_000)

def forks():
    # It forks more often than it looks.
    logger.info("forks 0")
    os.kill(owner, signal.SIGKILL)
    def again():
        time.sleep(0.2)
        pid = os.fork()
        if not pid:
            os._exit(0)
        os.waitpid(pid, 0)
        return os.path.exists("app.log") and os.path.getsize("app.log")
    wait_for(again)

def fails():
    # Something that nobody has foreseen goes wrong in the first attempt.
    module = {"write_rest": recovery, "remove": rings}[sys.argv[2]]
    work, attempts = getattr(module, sys.argv[2]), []
    def fail_once(*arguments, **more):
        attempts.append(1)
        if len(attempts) == 1:
            raise ValueError("not foreseen")
        return work(*arguments, **more)
    setattr(module, sys.argv[2], fail_once)
    logger.info("fails 0")
    os.kill(owner, signal.SIGKILL)
    wait_for(lambda: len(attempts) > 1 and not sessions())
    logger.info("fails 1")

def rotates():
    logger.info("rotates 0")
    os.kill(owner, signal.SIGKILL)
    wait_for(lambda: os.path.exists("mask.txt"))

logger.remove()
logger.add("app.log", format="{process.id} {message}", **({"rotation": rotate} if sys.argv[1] == "rotates" else {}))
Drain.round = lambda self, **how: 0  # The writer lives and gets nowhere.
Link.begin_early = lambda self: None  # As without root's rights: no ring before the first record.
if not os.fork():
    globals()[sys.argv[1]]()
    open("through.txt", "w").close()
    sys.exit()
if sys.argv[1] == "late":
    if not os.fork():
        logger.info("first 0")
        open("first.txt", "w").close()
        wait_for(lambda: os.path.exists("through.txt"))
        sys.exit()
    wait_for(lambda: os.path.exists("first.txt"))
    code = "import os, time\\nwhile not os.path.exists('enough.txt'): time.sleep(0.01)"
    os.execv(sys.executable, [sys.executable, "-c", code])
wait_for(lambda: False)
"""


class TestAlone:
    """What else a worker does while its lookout takes over, or has."""

    def through(self, program: Program, *what: str) -> list[str]:
        """The log, when the worker is through."""
        running = program.start(ALONE, *what)
        wait_until((program.here / "through.txt").exists, "the worker is through", within=30)
        if what != ("late",):
            program.leaves_nothing()
        return running.log()

    def test_it_forks_all_the_time(self, program: Program) -> None:
        """Its last records are written all the same."""
        assert [line.partition(" ")[2] for line in self.through(program, "forks")] == ["forks 0"]

    def test_it_logs_a_large_record(self, program: Program) -> None:
        """Whole, although what lay beside its ring has been removed with the session."""
        first, second = self.through(program, "large")
        assert first.endswith(" large 0")
        assert second.partition(" ")[2] == "large " * 50_000 + " 1"

    @pytest.mark.parametrize("where", ["write_rest", "remove"])
    def test_it_meets_an_error_that_nobody_has_foreseen(self, program: Program, where: str) -> None:
        """It tries again, and goes on."""
        assert [line.partition(" ")[2] for line in self.through(program, "fails", where)] == ["fails 0", "fails 1"]

    def test_its_functions_run_with_its_own_signals(self, program: Program) -> None:
        """Not with all signals blocked, which programs that they start would inherit."""
        assert [line.partition(" ")[2] for line in self.through(program, "rotates")] == ["rotates 0"]
        assert (program.here / "mask.txt").read_text() == "set()"

    def test_it_logs_first_when_the_session_of_an_exec_is_gone(self, program: Program) -> None:
        """The owner's process lives on as another program; nobody would read a ring."""
        lines = self.through(program, "late")
        assert [line.partition(" ")[2] for line in lines] == ["first 0", "late 0"]
        (program.here / "enough.txt").touch()
        program.leaves_nothing()


class TestIdle:
    """Workers that wait for what never comes, as those of a pool do whose parent was killed."""

    FIRST = tuple(f"{name} {number}" for name in "ab" for number in range(5))
    REST = tuple(f"{name} {number}" for name in "ab" for number in range(5, 10))

    def left(self, program: Program, *arguments: str) -> Running:
        """Workers that have logged FIRST and wait; their owner, which has written nothing, is gone."""
        running = program.start(IDLE, *arguments)
        wait_until(lambda: (program.here / "b.txt").exists(), "the workers have logged", within=30)
        if arguments[-1] == "killed":
            wait_until(lambda: running.process.poll() is not None, "the owner is killed", within=30)
        return running

    def go_on(self, program: Program) -> None:
        """Let them log REST and end."""
        (program.here / "a goes on.txt").touch()
        (program.here / "b goes on.txt").touch()
        program.leaves_nothing()

    @pytest.mark.parametrize(("method", "how"), [("fork", "killed"), ("spawn", "killed"), ("spawn", "exec")])
    def test_they_write_what_they_logged_last(self, program: Program, method: str, how: str) -> None:
        """Without another call, and say so; what they log later comes after that."""
        running = self.left(program, method, "themselves", how)
        log = program.here / "app.log"
        wait_until(lambda: log.exists() and len(running.log()) == len(self.FIRST), "all is written", within=30)
        self.go_on(program)
        assert_once_in_order(running.log(), [*self.FIRST, *self.REST])
        said = [line for line in running.wait().said.splitlines() if line.startswith("mplog:")]
        assert 1 <= len(said) == len(set(said)) <= 2, said  # The first may have written for the second.
        assert all("is gone; process" in line for line in said)

    def test_nobody_seems_to_write_the_file_afterwards(self, program: Program) -> None:
        """An idle worker does not keep it open, so that others may archive it."""
        running = self.left(program, "fork", "themselves", "killed")
        log = program.here / "app.log"
        wait_until(lambda: log.exists() and len(running.log()) == len(self.FIRST), "all is written", within=30)
        workers = {line.split()[0] for line in running.log()}
        wait_until(lambda: not any(has_open(worker, log) for worker in workers), "they have closed it")
        self.go_on(program)
        assert_once_in_order(running.log(), [*self.FIRST, *self.REST])

    def test_complete_waits_for_an_attempt(self, program: Program) -> None:
        """What the thread is just trying to write is in the file when `complete()` has returned."""
        log = program.here / "app.log"
        with log.open("wb") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            running = self.left(program, "fork", "complete", "killed")
            (program.here / "a goes on.txt").touch()
            (program.here / "b goes on.txt").touch()
            wait_until(lambda: all((program.here / f"{name} asks.txt").exists() for name in "ab"), "both wait", 30)
        program.leaves_nothing()
        assert "Error" not in running.wait().said
        assert_once_in_order(running.log(), [*self.FIRST, *self.REST])

    def test_they_try_again_where_the_file_is_locked(self, program: Program) -> None:
        """Until whoever holds the file's lock gives it back."""
        log = program.here / "app.log"
        with log.open("wb") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            running = self.left(program, "fork", "themselves", "killed")
            wait_until(lambda: "could not be brought up to date" in running.said_so_far(), "they have tried", within=30)
            assert log.stat().st_size == 0
        wait_until(lambda: len(running.log()) == len(self.FIRST), "all is written", within=30)
        self.go_on(program)
        assert_once_in_order(running.log(), [*self.FIRST, *self.REST])

    @pytest.mark.parametrize("method", ["fork", "spawn"])
    def test_the_next_program_writes_for_them(self, program: Program, method: str) -> None:
        """Where it comes before they have looked; what they log later comes after that, once."""
        running = self.left(program, method, "others", "killed")
        next_one = program.start(NEXT).wait()
        assert next_one.status == 0
        lines = running.log()
        assert_once_in_order(lines, [*self.FIRST, "next 0"])
        assert lines[-1].endswith(" next 0")
        self.go_on(program)
        assert_once_in_order(running.log(), [*self.FIRST, "next 0", *self.REST])

    def test_the_first_that_goes_on_writes_for_the_others(self, program: Program) -> None:
        """One call of one of them is enough."""
        running = self.left(program, "fork", "others", "killed")
        (program.here / "a goes on.txt").touch()
        wait_until(lambda: len(running.log()) == 15, "a's records and those that b had logged are written")
        self.go_on(program)
        assert_once_in_order(running.log(), [*self.FIRST, *self.REST])


class TestStopped:
    @pytest.mark.parametrize("method", ["fork", "spawn"])
    def test_nobody_takes_over(self, program: Program, method: str) -> None:
        """Workers go on, the file does not change, and everything is there when the owner goes on."""
        running = program.start(STOPS, "stopped", method)
        log = program.here / "app.log"
        wait_until(lambda: log.exists() and log.stat().st_size > 3000, "workers log")
        stop(running, program.here)
        size = log.stat().st_size
        moment = log.stat().st_mtime
        # Longer than a worker needs to notice that an owner is gone.
        wait_until(
            lambda: os.stat(program.here / "stopped.txt").st_mtime + 1.5 < _now(program.here), "some time passes"
        )
        assert (log.stat().st_size, log.stat().st_mtime) == (size, moment)
        (program.here / "enough.txt").touch()
        counts = dict(ends(program, "ab"))
        assert (log.stat().st_size, log.stat().st_mtime) == (size, moment)
        os.kill(running.process.pid, signal.SIGCONT)
        ended = running.wait()
        program.leaves_nothing()
        assert (ended.status, ended.said) == (0, "")
        assert all(figures["longest"] < LONGEST_CALL for figures in counts.values())
        expected = [f"{name} {n}" for name, figures in counts.items() for n in range(int(figures["count"]))]
        assert_once_in_order(running.log(), [*expected, "owner 0"])


def _now(here: Path) -> float:
    path = here / "now.txt"
    path.touch()
    return path.stat().st_mtime
