"""Records of ten megabytes, from several processes at once, some of them killed on the way: whole or not there at all.

They are under the limit of what travels; see test_large_records_of_workers.py for what is over it.
"""

from __future__ import annotations

import json
from collections import Counter

from programs import Program

SIZE = 10_000_000

MIXED = """
    import glob, mmap, multiprocessing, os, signal, sys, time
    from mplog import QueueOptions, logger

    TEXT = "x" * 10_000_000
    NAMES = ("owner", "fork", "spawn", "killed fork", "killed spawn")
    counts = memoryview(mmap.mmap(os.open("counts.txt", os.O_RDWR), 4096)).cast("q")

    def log(who, count):
        # Three records each, of which the middle one is large.
        for _ in range(count):
            number = counts[who]
            logger.info("{} {}{} .", NAMES[who], number, f" {TEXT}" if number % 3 == 1 else "")
            counts[who] = number + 1

    def kill_in_a_push(process):
        # While its large record is being put beside its ring.
        deadline = time.monotonic() + 20
        while not glob.glob(f"{os.environ['MPLOG_RUNTIME_DIR']}/*/sessions/*/spill/{process}-*.tmp"):
            assert time.monotonic() < deadline, "it puts nothing beside its ring"
            time.sleep(0.0005)
        os.kill(process, signal.SIGKILL)

    def main():
        logger.remove()
        logger.configure(queue=QueueOptions(block_timeout=20))
        logger.add("app.log", format="{process.id} {message}", rotation="25 MB")
        workers = []
        for who, method, count in [(1, "fork", 3), (2, "spawn", 3), (3, "fork", 999), (4, "spawn", 999)]:
            workers.append(multiprocessing.get_context(method).Process(target=log, args=(who, count)))
            workers[-1].start()
        log(0, 3)
        for worker in workers[2:]:
            kill_in_a_push(worker.pid)
        for worker in workers:
            worker.join()
        assert [worker.exitcode for worker in workers] == [0, 0, -9, -9]

    if __name__ == "__main__":
        main()
"""


def test_whole_or_absent(program: Program) -> None:
    """Beside a rotating file's other large records; what a killed process had logged before it is there, too."""
    (program.here / "counts.txt").write_bytes(bytes(4096))
    ended = program.run(MIXED)

    counts = memoryview((ended.here / "counts.txt").read_bytes()).cast("q")
    found: dict[str, list[int]] = {}
    for line in ended.log():
        head, _, text = line.partition(" x") if " x" in line else (line[:-2], "", "")
        name, _, number = head.partition(" ")[2].rpartition(" ")
        assert line.endswith(" .")
        if int(number) % 3 == 1:
            assert text == "x" * (SIZE - 1) + " ."
        found.setdefault(name, []).append(int(number))
    for who, name in enumerate(["owner", "fork", "spawn", "killed fork", "killed spawn"]):
        # The record in whose call it was killed may be there as well.
        allowed = [counts[who], counts[who] + 1] if name.startswith("killed") else [3]
        assert found[name] in [list(range(count)) for count in allowed]
    assert max(path.stat().st_size for path in ended.here.glob("*.log")) <= 25_000_000


MANY = """
    import json, os, re, signal, time
    from mplog import logger

    WORKERS = 4

    def memory():
        with open("/proc/self/status") as file:
            return int(re.search(r"VmHWM:\\s*(\\d+) kB", file.read())[1]) / 1024

    def wait(suffix):
        deadline = time.monotonic() + 20
        while sum(name.endswith(suffix) for name in os.listdir()) < WORKERS:
            assert time.monotonic() < deadline
            time.sleep(0.005)

    logger.remove()
    logger.add("app.log", format="{message}")
    owner = os.getpid()
    for number in range(WORKERS):
        if os.fork():
            continue
        logger.info("begin {}", number)
        open(f"{number}-ready.txt", "w").close()
        wait("-ready.txt")
        os.kill(owner, signal.SIGSTOP)
        for size in range(3):
            logger.info("large {} {} {}", number, size, "x" * 10_000_000)
        logger.info("end {}", number)
        open(f"{number}-done.txt", "w").close()
        wait("-done.txt")
        os.kill(owner, signal.SIGCONT)
        os._exit(0)
    before = memory()
    for _ in range(WORKERS):
        assert os.wait()[1] == 0
    logger.complete()
    with open("memory.txt", "w") as file:
        json.dump(memory() - before, file)
"""


def test_an_owner_that_finds_many_of_them_at_once(program: Program) -> None:
    """It reads a few at a time, in their order: its memory does not grow with the number of its workers."""
    ended = program.run(MANY)

    lines = ended.log()
    kinds = Counter(line.split()[0] for line in lines)
    assert kinds == {"begin": 4, "large": 12, "end": 4}
    for number in map(str, range(4)):
        mine = [line.split() for line in lines if line.split()[1] == number]
        assert [(words[0], *words[2:3]) for words in mine] == [
            ("begin",),
            *[("large", str(size)) for size in range(3)],
            ("end",),
        ]
        assert all(len(words[3]) == SIZE for words in mine[1:4])
    assert json.loads((ended.here / "memory.txt").read_text()) < 150
