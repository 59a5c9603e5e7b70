"""Programs without a common parent that write one file at the same time: one serves the others, whoever dies.

beyond.md, row 5. Nothing but the speed depends on who has joined whom, so each test looks at what is in the file,
and at who serves it where that is its subject.
"""

from __future__ import annotations

import os
import signal
import struct
import time

import pytest
from programs import Program, Running, assert_once_in_order, wait_until

STRANGER = """
import mmap, os, struct, sys, threading, time
from mplog import logger

name, options = sys.argv[1], eval(sys.argv[2])
with open(f"{name}.counter.txt", "w+b") as file:
    file.write(bytes(16))
    file.flush()
    counter = mmap.mmap(file.fileno(), 16)

def role():
    core = logger._core
    if core.sessions.host is not None:
        return "host"
    return "guest" if core.sessions.company.links() else "alone"

def log(n, name=name):
    logger.info("{} {}", name, n)

def run(until):
    '''Log until told to stop, and count what has returned.'''
    n = struct.unpack_from("=q", counter)[0]
    seen = None
    while not os.path.exists(until):
        log(n)
        n += 1
        struct.pack_into("=q", counter, 0, n)
        if role() != seen:
            seen = role()
            with open(f"{name}.role.txt.new.txt", "w") as file:
                file.write(seen)
            os.rename(f"{name}.role.txt.new.txt", f"{name}.role.txt")
        time.sleep(0.001)

logger.remove()
handler = logger.add("app.log", format="{process.id} {message}", **options)
"""

RUNS = (
    STRANGER
    + """
run('enough.txt')
assert logger.complete()
own = logger.statistics().processes[0]
assert own.emitted == own.written == struct.unpack_from("=q", counter)[0], own
"""
)


class Strangers:
    """Programs of one file, and what they say of themselves."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.running: dict[str, Running] = {}

    def start(self, *names: str, source: str = RUNS, options: str = "dict()") -> None:
        """Start programs of these names."""
        for name in names:
            self.running[name] = self.program.start(source, name, options)

    def role(self, name: str) -> str:
        """What *name* said last that it is."""
        path = self.program.here / f"{name}.role.txt"
        return path.read_text() if path.exists() else ""

    def roles(self, *names: str) -> dict[str, str]:
        """Wait until one of *names* serves the others; their roles."""
        roles: dict[str, str] = {}

        def settled() -> bool:
            roles.update((name, self.role(name)) for name in names)
            return sorted(roles.values()) == [*["guest"] * (len(names) - 1), "host"]

        try:
            wait_until(settled, "one serves the others")
        except AssertionError as error:
            counts = {name: self.returned(name) for name in names}
            said = {name: self.running[name].said_so_far() for name in names}
            raise AssertionError(f"{error}: {roles}, after {counts} calls; they said {said}") from None
        return roles

    def named(self, role: str, *names: str) -> str:
        """The first of *names* that has this role."""
        return next(name for name, its in self.roles(*names).items() if its == role)

    def returned(self, name: str) -> int:
        """How many calls of *name* have returned."""
        path = self.program.here / f"{name}.counter.txt"
        content = path.read_bytes()[:8] if path.exists() else b""
        count: int = struct.unpack("=q", content)[0] if len(content) == 8 else 0
        return count

    def kill(self, name: str) -> None:
        """SIGKILL."""
        self.running[name].process.kill()
        self.running[name].process.wait()

    def end(self, *names: str) -> None:
        """Let all come to their end, in silence."""
        (self.program.here / "enough.txt").touch()
        for name in names:
            ended = self.running[name].wait()
            assert (ended.status, ended.said) == (0, "")

    def check(self, *killed: str, more: tuple[str, ...] = ()) -> None:
        """Every record whose call has returned is there once, in order; of a killed program at most one more."""
        lines = self.running[next(iter(self.running))].log()
        expected = list(more)
        for name in self.running:
            count = self.returned(name)
            if name in killed and any(line.endswith(f" {name} {count}") for line in lines):
                count += 1
            expected += [f"{name} {n}" for n in range(count)]
        assert_once_in_order(lines, expected)


@pytest.fixture
def strangers(program: Program) -> Strangers:
    """None yet."""
    return Strangers(program)


class TestJoining:
    def test_a_program_alone_makes_nothing(self, program: Program) -> None:
        """No session, no thread, however much it logs, and whatever else appends to the file by its own means."""
        program.run(
            STRANGER
            + """
for n in range(500):
    log(n)
    fd = os.open("app.log", os.O_WRONLY | os.O_APPEND)
    os.write(fd, b"x\\n")
    os.close(fd)
assert role() == "alone"
assert threading.active_count() == 1
assert not os.listdir(os.environ["MPLOG_RUNTIME_DIR"])
""",
            "a",
            "dict()",
        )

    def test_one_serves_the_others_and_late_ones(self, strangers: Strangers) -> None:
        """Rotation and compression are the host's, and nothing is left when all have ended."""
        options = "dict(rotation='20 KB', compression='gz')"
        strangers.start("a", "b", options=options)
        strangers.roles("a", "b")
        strangers.start("c", "d", options=options)
        strangers.roles("a", "b", "c", "d")
        strangers.end("a", "b", "c", "d")
        strangers.check()
        strangers.program.leaves_nothing()

    def test_an_owner_with_workers_is_joined(self, strangers: Strangers) -> None:
        """Its session serves strangers, too."""
        owner = STRANGER + "if not os.fork():\n    log(0, 'child')\n    sys.exit()\nrun('enough.txt')\n"
        strangers.start("a", source=owner)
        wait_until(lambda: strangers.role("a") == "host", "the owner has a session")
        strangers.start("b")
        strangers.roles("a", "b")
        strangers.end("a", "b")
        strangers.check(more=("child 0",))
        strangers.program.leaves_nothing()

    def test_other_options_are_said_once(self, strangers: Strangers) -> None:
        """The host's rotation counts; another encoding keeps a program out."""
        strangers.start("a", options="dict(rotation='1 MB')")
        strangers.start("b", options="dict(rotation='2 MB')")
        strangers.roles("a", "b")
        strangers.start("c", options="dict(rotation='1 MB', encoding='latin-1')")
        wait_until(lambda: strangers.returned("c") > 300, "the third one logs")
        assert strangers.role("c") != "guest"
        (strangers.program.here / "enough.txt").touch()
        said = {name: strangers.running[name].wait().said for name in "abc"}
        assert sum(text.count("with another rotation (") for text in said.values()) == 1, said
        strangers.check()


class TestDying:
    @pytest.mark.parametrize("victim", ["host", "guest"])
    def test_killed_at_random(self, strangers: Strangers, victim: str) -> None:
        """What had returned is in the file once; of four that lose their host, one takes its place."""
        names = ["a", "b", "c", "d", "e"]
        strangers.start(*names)
        killed = []
        for more in (50, 127):
            name = strangers.named(victim, *names)
            enough = strangers.returned(name) + more
            wait_until(lambda name=name, enough=enough: strangers.returned(name) > enough, "it logs")  # type: ignore[misc]  # bound now
            strangers.kill(name)
            names.remove(name)
            killed.append(name)
        strangers.roles(*names)
        strangers.end(*names)
        strangers.program.run(STRANGER, "last", "dict()")
        strangers.check(*killed)
        strangers.program.leaves_nothing()

    def test_all_killed(self, strangers: Strangers) -> None:
        """The next program that adds the file writes what was in memory only."""
        strangers.start("a", "b", "c")
        strangers.roles("a", "b", "c")
        for name in "cba":
            strangers.kill(name)
        strangers.program.run(STRANGER, "last", "dict()")
        strangers.check("a", "b", "c")
        strangers.program.leaves_nothing()

    def test_a_stopped_host_stays_the_host(self, strangers: Strangers) -> None:
        """Nobody takes over; everything arrives when it goes on."""
        strangers.start("a", "b", "c")
        host = strangers.named("host", "a", "b", "c")
        os.kill(strangers.running[host].process.pid, signal.SIGSTOP)
        others = [name for name in "abc" if name != host]
        seen = {name: strangers.returned(name) for name in others}
        since = time.monotonic()
        wait_until(
            lambda: time.monotonic() > since + 1.0 and all(strangers.returned(n) > seen[n] + 50 for n in others),
            "the others go on",
        )
        assert {strangers.role(name) for name in others} == {"guest"}
        os.kill(strangers.running[host].process.pid, signal.SIGCONT)
        strangers.end("a", "b", "c")
        strangers.check()
        strangers.program.leaves_nothing()


class TestLeaving:
    @pytest.mark.parametrize("how", ["ends", "removes"])
    def test_the_host_leaves(self, strangers: Strangers, how: str) -> None:
        """Its end, or the removal of its handler, costs the others nothing."""
        ending = {
            "ends": "",
            "removes": "logger.remove()\nwhile not os.path.exists('end.txt'):\n    time.sleep(0.01)\n",
        }
        source = STRANGER + "run('first.txt')\n" + ending[how]
        strangers.start("a", "b", source=source)
        strangers.roles("a", "b")
        strangers.start("c", "d")
        strangers.roles("a", "b", "c", "d")
        (strangers.program.here / "first.txt").touch()
        seen = strangers.returned("c")
        wait_until(lambda: strangers.returned("c") > seen + 300, "the others go on")
        (strangers.program.here / "end.txt").touch()
        strangers.end("a", "b", "c", "d")
        strangers.check()
        strangers.program.leaves_nothing()

    def test_guests_and_hosts_with_children(self, strangers: Strangers) -> None:
        """Whoever starts a process serves it and itself from then on; no record is lost on the way."""
        source = (
            STRANGER
            + """
run("first.txt")
child = os.fork()
if not child:
    for n in range(200):
        log(n, f"child of {name}")
    sys.exit()
run("enough.txt")
assert role() == "host"
os.waitpid(child, 0)
"""
        )
        strangers.start("a", "b", "c", source=source)
        strangers.roles("a", "b", "c")
        (strangers.program.here / "first.txt").touch()
        wait_until(lambda: {strangers.role(name) for name in "abc"} == {"host"}, "each has a session")
        strangers.end("a", "b", "c")
        strangers.check(more=tuple(f"child of {name} {n}" for name in "abc" for n in range(200)))
        strangers.program.leaves_nothing()

    def test_the_last_one_is_alone_again(self, strangers: Strangers) -> None:
        """It writes as a program does that has never met another: without a session, and as fast."""
        strangers.start("a", "b", source=STRANGER + "run(f'{name}.end.txt')\n")
        host = strangers.named("host", "a", "b")
        last = "b" if host == "a" else "a"
        (strangers.program.here / f"{host}.end.txt").touch()
        wait_until(lambda: strangers.role(last) == "alone", "the guest of the one that has ended is alone")
        seen = strangers.returned(last)
        wait_until(lambda: strangers.returned(last) > seen + 50, "it goes on")
        assert strangers.role(last) == "alone"
        (strangers.program.here / f"{last}.end.txt").touch()
        strangers.end("a", "b")
        strangers.check()
        strangers.program.leaves_nothing()
