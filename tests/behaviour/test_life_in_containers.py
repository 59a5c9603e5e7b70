"""What the life of a container is made of, in namespaces: a first process that is told to stop, or killed with all the
others; a volume that the next one finds; neighbours and readers that share it; a limit of memory.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections import Counter
from pathlib import Path

import pytest
from programs import Program, Running, can_mount, read_log, wait_until

ROOT = Path(__file__).resolve().parents[2]

NEEDS_NAMESPACES = pytest.mark.skipif(
    not can_mount("mount -t tmpfs -o size=64m tmpfs /dev/shm && unshare --pid --fork --mount-proc true"),
    reason="may not mount file systems and make pid namespaces here",
)

CONTAINER = """
import os, sys
script, shm, *arguments = sys.argv[1:]
if shm:  # Of its own, as each container has.
    del os.environ["MPLOG_RUNTIME_DIR"]
command = f"exec {sys.executable} -W error {script} {' '.join(arguments)}"
inside = f"mount -t tmpfs -o size={shm or '64m'} tmpfs /dev/shm && {command}"
os.execvp("unshare", ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child", "sh", "-c", inside])
"""

WORKERS = """
import mmap, os, signal, struct, sys, time
from multiprocessing import Process
from mplog import logger

run, workers, records = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
logger.remove()
logger.add("app.log", format="{message}", rotation="20 KB", compression=sys.argv[4] if sys.argv[4:] else None)

def work(number):
    with open(f"counts{run}.txt", "r+b") as file:
        counts = mmap.mmap(file.fileno(), 0)
    for count in range(records):
        logger.info("run{}-worker{} {}", run, number, count)
        struct.pack_into("q", counts, 8 * number, count + 1)
        if records > 10_000:
            time.sleep(0.0005)  # It is to be told to stop while it logs.

if __name__ == "__main__":
    assert os.getpid() == 1
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    with open(f"counts{run}.txt", "wb") as file:
        file.write(bytes(8 * workers))
    processes = [Process(target=work, args=(number,), daemon=True) for number in range(workers)]
    for process in processes:
        process.start()
    open(f"ready{run}.txt", "w").close()
    for process in processes:
        process.join()
"""

ENDLESS = 10**9


def start(program: Program, script: Path | str, *arguments: object, shm: str = "") -> Running:
    """Start a container whose first process is *script*, with a /dev/shm of its own of the size *shm*, if any."""
    path = script if isinstance(script, Path) else program.script(script, "first.py")
    return program.start(CONTAINER, path, shm, *arguments)


def first_process(running: Running) -> int:
    """The process that is the container's first one, by its number here."""
    children = Path(f"/proc/{running.process.pid}/task/{running.process.pid}/children")
    wait_until(lambda: len(children.read_text().split()) == 1, "the container has started")
    return int(children.read_text())


def counts(program: Program, run: int) -> list[int]:
    """For each worker of a run, how many of its calls had returned."""
    content = (program.here / f"counts{run}.txt").read_bytes()
    return [int.from_bytes(content[at : at + 8], "little") for at in range(0, len(content), 8)]


def assert_acknowledged(program: Program, runs: range) -> None:
    """Each record whose call had returned is there once, and of each worker at most the one that was under way."""
    found = Counter(read_log(program.here))
    assert not {line: count for line, count in found.items() if count > 1}
    for run in runs:
        for worker, returned in enumerate(counts(program, run)):
            own = {line for line in found if line.startswith(f"run{run}-worker{worker} ")}
            expected = {f"run{run}-worker{worker} {count}" for count in range(returned)}
            assert expected <= own, f"{len(expected - own)} of {returned} are missing"
            assert own - expected <= {f"run{run}-worker{worker} {returned}"}
            assert returned > 100


def logs(program: Program, run: int) -> bool:
    """Whether all workers of a run have logged for a while."""
    return (program.here / f"ready{run}.txt").exists() and min(counts(program, run)) > 200


@NEEDS_NAMESPACES
def test_told_to_stop_it_ends_in_good_order(program: Program) -> None:
    """The first process gets SIGTERM, and has nothing but a container's own /dev/shm: nothing is missing."""
    running = start(program, WORKERS, 0, 4, ENDLESS, shm="64m")
    wait_until(lambda: logs(program, 0), "it logs", within=30)
    begun = time.monotonic()
    os.kill(first_process(running), signal.SIGTERM)
    ended = running.wait()
    assert (ended.status, ended.said) == (0, "")
    assert time.monotonic() - begun < 10
    assert_acknowledged(program, range(1))


@NEEDS_NAMESPACES
def test_killed_after_its_time_the_next_one_writes_what_it_left(program: Program) -> None:
    """With the runtime directory on the volume, also where it is killed again and again."""
    for run in range(2):
        running = start(program, WORKERS, run, 4, ENDLESS)
        wait_until(lambda: logs(program, run), "it logs", within=30)  # noqa: B023 - it is waited for here
        os.kill(first_process(running), signal.SIGKILL)
        running.wait()
        program.wait_for_members()
    ended = start(program, WORKERS, 2, 2, 200).wait()
    assert (ended.status, ended.said) == (0, "")
    assert_acknowledged(program, range(3))
    assert program.runtime_entries() == []


@NEEDS_NAMESPACES
@pytest.mark.parametrize("shm", ["", "64m"], ids=["runtime directory shared, too", "a /dev/shm for each"])
def test_two_containers_share_a_file(program: Program, shm: str) -> None:
    """On one machine, both rotating it: every line once."""
    script = program.script(WORKERS, "first.py")
    for running in [start(program, script, run, 3, 1500, "gz", shm=shm) for run in range(2)]:
        ended = running.wait()
        assert ended.status == 0, ended.said
    names = [f"run{run}-worker{worker}" for run in range(2) for worker in range(3)]
    assert Counter(read_log(program.here)) == Counter(f"{name} {count}" for name in names for count in range(1500))


@NEEDS_NAMESPACES
def test_a_reader_beside_it_gets_every_line(program: Program) -> None:
    """One that looks for `app*.log` and knows files by their inode, as shippers of logs do, without compression."""
    running = start(program, WORKERS, 0, 3, 1500, shm="64m")
    offsets: dict[int, int] = {}
    lines: Counter[str] = Counter()

    def read() -> None:
        for path in sorted(program.here.glob("app*.log")):
            with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
                inode = os.fstat(file.fileno()).st_ino
                file.seek(offsets.get(inode, 0))
                content = file.read()
                whole = content[: content.rfind(b"\n") + 1]
                offsets[inode] = offsets.get(inode, 0) + len(whole)
                lines.update(whole.decode().split("\n")[:-1])

    while running.process.poll() is None:
        read()
        time.sleep(0.01)  # nothing is waited for: it looks so often
    read()
    assert running.wait().status == 0
    assert len(offsets) > 3
    assert lines == Counter(f"run0-worker{worker} {count}" for worker in range(3) for count in range(1500))


@NEEDS_NAMESPACES
def test_standard_output_gets_whole_lines_of_json(program: Program) -> None:
    """The example of the page, as the first process of a container, stopped while it logs."""
    running = start(program, ROOT / "docs" / "examples" / "container.py", shm="64m")
    wait_until(lambda: running._output.read_text().count("\n") > 500, "it logs", within=30)
    os.kill(first_process(running), signal.SIGTERM)
    ended = running.wait()
    assert (ended.status, ended.said) == (0, "")
    records = [json.loads(line)["record"] for line in ended.output.splitlines()]
    assert {record["message"] for record in records} >= {f"item {number} done" for number in range(100)}
    assert len({record["process"]["id"] for record in records}) > 1


@NEEDS_NAMESPACES
def test_the_first_process_without_a_handler_is_not_ended_by_sigterm(program: Program) -> None:
    """The kernel keeps it, so that only the kill after the time of grace ends it: what the page warns of."""
    source = WORKERS.replace("signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))", "pass")
    running = start(program, source, 0, 1, ENDLESS)
    wait_until(lambda: logs(program, 0), "it logs", within=30)
    os.kill(first_process(running), signal.SIGTERM)
    before = min(counts(program, 0))
    wait_until(lambda: min(counts(program, 0)) > before + 50, "it goes on")
    os.kill(first_process(running), signal.SIGKILL)
    running.wait()
    program.wait_for_members()
    program.run("from mplog import logger; logger.remove(); logger.add('app.log', rotation='20 KB')")
    assert_acknowledged(program, range(1))


GLUTTON = """
import os, sys
from multiprocessing import Process
from mplog import logger

logger.remove()
logger.add("app.log", format="{message}")

def work(number):
    for count in range(500):
        logger.info("worker{} {}", number, count)
    if number == 1:
        with open(sys.argv[1], "w") as file:
            file.write(str(os.getpid()))
        eaten = []
        while len(eaten) < 500:
            eaten.append(bytearray(b"x" * 1_000_000))
    for count in range(500, 1000):
        logger.info("worker{} {}", number, count)

if __name__ == "__main__":
    processes = [Process(target=work, args=(number,)) for number in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, -9, 0], processes
"""


@pytest.fixture
def little_memory() -> Path:
    """The file of processes of a control group that may have 32 MB; it is taken away afterwards."""
    for parent, limit, swap in (
        ("/sys/fs/cgroup", "memory.max", "memory.swap.max"),
        ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.memsw.limit_in_bytes"),
    ):
        group = Path(parent, f"mplog-test-{os.getpid()}")
        try:
            group.mkdir()
        except OSError:
            continue
        if not (group / limit).exists():  # No control group, or without a limit of memory.
            group.rmdir()
            continue
        (group / limit).write_text(str(32_000_000))
        with contextlib.suppress(OSError):
            (group / swap).write_text("0" if "max" in swap else str(32_000_000))
        return group / "cgroup.procs"
    pytest.skip("may not limit memory here")


def test_a_worker_that_takes_too_much_memory_is_killed_alone(program: Program, little_memory: Path) -> None:
    """What the kernel's killer of processes takes away has logged its lines, and the others go on."""
    try:
        ended = program.run(GLUTTON, little_memory)
    finally:
        wait_until(lambda: not little_memory.read_text(), "nobody is left in the group")
        little_memory.parent.rmdir()
    expected = [f"worker{number} {count}" for number in range(3) for count in range(500 if number == 1 else 1000)]
    assert Counter(ended.log()) == Counter(expected)
