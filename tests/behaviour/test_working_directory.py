"""A relative path means the directory in which `add()` was called, for every process and for ever.

Covers logger-api.md, section 16.1.
"""

from __future__ import annotations

import pytest
from programs import Program, assert_once_in_order, read_log

METHODS = ("fork", "spawn", "forkserver")

CHANGES = """
    import multiprocessing, os, sys
    from mplog import logger

    def work(name):
        os.makedirs(name, exist_ok=True)
        os.chdir(name)
        for n in range(100):
            logger.info("{} {}", name, n)

    if __name__ == "__main__":
        os.makedirs("logs", exist_ok=True)
        os.chdir("logs")
        logger.remove()
        logger.add("app.log", format="{process.id} {message}", rotation="1 KB", compression="gz", retention=100)
        os.chdir("/")
        os.chdir(sys.argv[2])
        context = multiprocessing.get_context(sys.argv[1])
        for name in "ab":
            process = context.Process(target=work, args=(name,))
            process.start()
            process.join()
        logger.info("owner 0")
"""

KILLED = """
    import multiprocessing, os, signal, sys, time
    from mplog import logger

    def work(owner, told):
        os.chdir(sys.argv[2])
        for n in range(100):
            logger.info("worker {}", n)
        told.send("half")
        while os.getppid() == owner:
            time.sleep(0.005)
        time.sleep(1.2)  # after a second of silence a worker looks whether its owner lives
        for n in range(100, 200):
            logger.info("worker {}", n)

    if __name__ == "__main__":
        logger.remove()
        logger.add("app.log", format="{process.id} {message}")
        os.chdir(sys.argv[2])
        if sys.argv[1] == "again":
            sys.exit()
        told, tell = multiprocessing.Pipe(duplex=False)
        context = multiprocessing.get_context(sys.argv[1])
        process = context.Process(target=work, args=(os.getpid(), tell))
        process.start()
        told.recv()
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("method", METHODS)
class TestChangedDirectory:
    def test_logs_stay_where_they_were_begun(self, program: Program, method: str) -> None:
        """Neither the owner's `chdir` nor a worker's moves a file, a rotated file or an archive."""
        elsewhere = program.here.parent / "elsewhere"
        elsewhere.mkdir()
        running = program.start(CHANGES, method, elsewhere)
        assert running.wait().status == 0
        logs = program.here / "logs"
        assert {path.name.partition(".")[0] for path in logs.iterdir()} == {"app"}
        expected = [f"{name} {n}" for name in "ab" for n in range(100)]
        assert_once_in_order(read_log(logs), [*expected, "owner 0"])
        assert [path for path in program.here.parent.rglob("app*") if path.is_file() and path.parent != logs] == []

    def test_a_worker_that_goes_on_without_its_owner_finds_the_file(self, program: Program, method: str) -> None:
        """So does the next start of the program, for what was left unwritten."""
        elsewhere = program.here.parent / "elsewhere"
        elsewhere.mkdir()
        program.start(KILLED, method, elsewhere).wait()
        program.wait_for_members()
        ended = program.run(KILLED, "again", elsewhere)
        assert_once_in_order(ended.log(), [f"worker {n}" for n in range(200)])
        assert list(elsewhere.iterdir()) == []
