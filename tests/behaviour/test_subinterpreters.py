"""Subinterpreters deliver to the sinks of their process, and nothing that they do hurts the main one."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import sys

import pytest
from programs import Program, assert_once_in_order, wait_until

MODULE = next(
    (name for name in ("_interpreters", "_xxsubinterpreters") if importlib.util.find_spec(name) is not None), None
)
pytestmark = pytest.mark.skipif(MODULE is None, reason="this Python has no module of subinterpreters")

TOGETHER = pytest.mark.skipif(
    sys.version_info < (3, 13), reason="before 3.13 CPython itself fails where threads run them"
)
HAS_POOL = sys.version_info >= (3, 14)
CAN_CHOOSE = sys.version_info >= (3, 13)
"""Whether a subinterpreter can be had that may have threads of any kind."""

KINDS = pytest.mark.parametrize(
    "kind",
    [
        None,
        pytest.param(
            "legacy", marks=pytest.mark.skipif(not CAN_CHOOSE, reason="this Python creates isolated ones only")
        ),
    ],
)

START = f"""
    import hashlib  # CPython 3.12.1 aborts at its end where a subinterpreter was the first to import it.
    import os, sys, textwrap, threading, time
    import {MODULE} as interpreters

    def run(number, code, **names):
        code = "".join(f"{{name}} = {{value!r}}\\n" for name, value in names.items()) + textwrap.dedent(code)
        call = getattr(interpreters, "exec", None) or interpreters.run_string
        failure = call(number, code)
        assert failure is None, failure.errdisplay

    def wait_until(condition):
        deadline = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.005)

    def rings():
        sessions = os.path.join(os.environ["MPLOG_RUNTIME_DIR"], f"mplog-{{os.geteuid()}}", "sessions")
        return [name for here, _, names in os.walk(sessions) for name in names if name.endswith(".ring")]
"""


def with_start(source: str) -> str:
    """A program that can create subinterpreters."""
    return START + source


DELIVERY = with_start("""
    from mplog import logger

    HELLO = '''
        from mplog import logger
        for number in range(200):
            logger.info("{} {}", NAME, number)
        assert logger.complete()
        assert logger.statistics().written == 400, logger.statistics()
    '''

    if __name__ == "__main__":
        seen = []
        logger.remove()
        logger.add("app.log", format="{process.name} {message}")
        logger.add(lambda message: seen.append(message.record), format="{message}")
        created = [interpreters.create() for _ in range(3)]
        together = sys.version_info >= (3, 13)  # CPython before that fails in other threads than the main one.
        threads = []
        for number, name in zip(created, "abc"):
            if together:
                threads.append(threading.Thread(target=run, args=(number, HELLO), kwargs={"NAME": name}))
                threads[-1].start()
            else:
                run(number, HELLO, NAME=name)
        for number in range(200):
            logger.info("m {}", number)
        for thread in threads:
            thread.join()
        assert logger.complete()
        assert len(seen) == 800
        names = {record["process"].name for record in seen}
        assert names == {"MainProcess", *(f"MainProcess/interpreter-{int(number)}" for number in created)}, names
        assert {record["process"].id for record in seen} == {os.getpid()}
        found = {process.name: process.emitted for process in logger.statistics().processes}
        assert found == dict.fromkeys(names, 400), found
        assert logger.health()
        for number in created:
            interpreters.destroy(number)
        wait_until(lambda: not rings())  # Reclaimed, though the process lives.
        assert logger.statistics().written == 1600
""")


class TestDelivery:
    def test_the_same_two_lines(self, program: Program) -> None:
        """Calls of three interpreters at once reach file and function once, in order, and say which one they are of.

        When one has ended, its ring is gone, and its counts are not.
        """
        ended = program.run(DELIVERY)
        assert_once_in_order(ended.log(), [f"{name} {number}" for name in "mabc" for number in range(200)])

    def test_a_first_call_before_any_configuration(self, program: Program) -> None:
        """Handlers, levels and values of `extra` that come after the interpreter are used there, too."""
        ended = program.run(
            with_start("""
    from mplog import logger

    if __name__ == "__main__":
        logger.remove()
        number = interpreters.create()
        run(number, "from mplog import logger; logger.info('to nobody')")
        logger.add("app.log", format="{level} {extra[user]} {message}")
        logger.level("NOTE", no=22)
        logger.configure(extra={"user": "me"})
        run(number, "logger.info('one'); logger.log('NOTE', 'two')")
        logger.remove()
        run(number, "logger.info('to nobody')")
        interpreters.destroy(number)
""")
        )
        assert ended.log() == ["INFO me one", "NOTE me two"]

    def test_the_chosen_runtime_directory(self, program: Program) -> None:
        """It need not be that of the environment."""
        ended = program.run(
            with_start("""
    from mplog import QueueOptions, logger

    if __name__ == "__main__":
        logger.remove()
        chosen = os.path.join(os.environ["MPLOG_RUNTIME_DIR"], "chosen")
        os.mkdir(chosen, 0o700)
        logger.configure(queue=QueueOptions(runtime_directory=chosen))
        logger.add("app.log", format="{message}")
        number = interpreters.create()
        run(number, "from mplog import logger; logger.info('one')")
        interpreters.destroy(number)
        import atexit, shutil
        atexit.register(shutil.rmtree, chosen)  # after mplog
""")
        )
        assert ended.log() == ["one"]

    @pytest.mark.parametrize("how", ["fork", "spawn"])
    def test_interpreters_of_a_worker(self, program: Program, how: str) -> None:
        """Those of a worker deliver to the worker's owner."""
        ended = program.run(
            with_start("""
    import multiprocessing
    from mplog import logger

    def work():
        number = interpreters.create()
        run(number, "from mplog import logger\\nfor number in range(100): logger.info('i {}', number)")
        logger.info("w 0")
        interpreters.destroy(number)

    if __name__ == "__main__":
        logger.remove()
        logger.add("app.log", format="{process.name} {message}")
        process = multiprocessing.get_context(sys.argv[1]).Process(target=work, name="worker")
        process.start()
        process.join()
        assert process.exitcode == 0
"""),
            how,
        )
        assert_once_in_order(ended.log(), [*(f"i {number}" for number in range(100)), "w 0"])
        assert {line.split()[0] for line in ended.log()} == {"worker", "worker/interpreter-1"}

    @pytest.mark.skipif(not HAS_POOL, reason="this Python has no InterpreterPoolExecutor")
    def test_tasks_of_a_pool(self, program: Program) -> None:
        """Also where the main module, which Python runs again there, configures the logger at its top."""
        ended = program.run("""
            from concurrent.futures import InterpreterPoolExecutor
            from mplog import logger

            seen = []
            logger.remove()
            logger.add("app.log", format="{process.name} {message}", mode="w")
            logger.add(lambda message: seen.append(str(message)), format="{message}")

            def task(number):
                logger.info("{}", number)
                return number

            if __name__ == "__main__":
                with InterpreterPoolExecutor(3) as pool:
                    assert len(list(pool.map(task, range(300)))) == 300
                logger.complete()
                assert len(seen) == 300
        """)
        assert_once_in_order(ended.log(), [str(number) for number in range(300)])


class TestConfigurationThere:
    def test_the_same_file_is_the_owners(self, program: Program) -> None:
        """A file that the main interpreter has is not written twice, one of its own is its own, `remove()` removes."""
        ended = program.run(
            with_start("""
    from mplog import logger

    if __name__ == "__main__":
        logger.remove()
        logger.add("app.log", format="{process.name} {message}")
        first, second = interpreters.create(), interpreters.create()
        run(first, '''
        from mplog import logger
        logger.add("app.log", format="{process.name} {message}", mode="w")
        logger.add("own.log", format="{message}")
        for number in range(3):
            logger.info("{}", number)
    ''')
        run(second, '''
        from mplog import logger
        logger.remove()
        logger.add("own.log", format="{message}")
        logger.info("3")
    ''')
        logger.info("m 0")
        interpreters.destroy(first)
        interpreters.destroy(second)
""")
        )
        assert_once_in_order(ended.log(), ["0", "1", "2", "m 0"])
        assert ended.log("own.log") == ["0", "1", "2", "3"]

    def test_a_queue_of_its_own(self, program: Program) -> None:
        """`enqueue=True` for another file: every record is in it, nothing waits, and the environment is as it was."""
        ended = program.run(
            with_start("""
    from mplog import logger

    OWN = '''
        import os
        from mplog import logger
        announced = os.environ["MPLOG_SESSION"]
        logger.remove()
        logger.add("own.log", format="{process.name} {message}", enqueue=True)
        logger.level("NEW", no=33)
        for number in range(1000):
            logger.info("{}", number)
        assert logger.complete()
        assert logger.statistics().written == 1000, logger.statistics()
        assert os.environ["MPLOG_SESSION"] == announced
    '''
    if __name__ == "__main__":
        logger.remove()
        logger.add("app.log", format="{process.name} {message}", enqueue=True)
        before = os.environ["MPLOG_SESSION"]
        number = interpreters.create()
        run(number, OWN)
        logger.info("m 0")
        assert os.environ["MPLOG_SESSION"] == before
        interpreters.destroy(number)
""")
        )
        assert_once_in_order(ended.log("own.log"), [str(number) for number in range(1000)])
        assert_once_in_order(ended.log(), ["m 0"])

    @KINDS
    def test_on_its_own(self, program: Program, kind: str | None) -> None:
        """Where the main interpreter has no mplog: a file with `enqueue=True`, one without, and `attach()`."""
        ended = program.run(
            with_start("""
    if __name__ == "__main__":
        number = interpreters.create(*sys.argv[1:])
        run(number, '''
        import os
        import mplog
        from mplog import logger
        assert mplog.attach() is False
        logger.remove()
        logger.add("own.log", format="{message}", enqueue=True)
        logger.add("app.log", format="{message}")
        for number in range(1000):
            logger.info("{}", number)
        assert logger.complete()
        assert not logger.statistics().dropped
    ''')
        assert "MPLOG_SESSION" not in os.environ
        interpreters.destroy(number)
"""),
            *([kind] if kind else []),
        )
        assert ended.log() == ended.log("own.log") == [str(number) for number in range(1000)]


class TestTheMainOneIsUnhurt:
    @KINDS
    def test_attach(self, program: Program, kind: str | None) -> None:
        """`attach()` joins the session of the process, which goes on; its workers stay workers."""
        ended = program.run(
            with_start("""
    import multiprocessing
    from mplog import logger

    def work(go, name):
        for number in range(200):
            logger.info("{} {}", name, number)
            if number == 100:
                go.wait(20)

    if __name__ == "__main__":
        seen = []
        logger.remove()
        logger.add("app.log", format="{process.name} {message}")
        logger.add(lambda message: seen.append(str(message)), format="{message}")
        context = multiprocessing.get_context("spawn")
        go = context.Event()
        processes = [context.Process(target=work, args=(go, name), name=name) for name in "ab"]
        for process in processes:
            process.start()
        number = interpreters.create(*sys.argv[1:])
        run(number, "import mplog; assert mplog.attach(); mplog.logger.info('i 0')")
        go.set()
        for process in processes:
            process.join()
        interpreters.destroy(number)
        assert logger.complete()
        assert len(seen) == 401, len(seen)
        assert not logger.statistics().dropped
"""),
            *([kind] if kind else []),
        )
        assert_once_in_order(ended.log(), ["i 0", *(f"{name} {number}" for name in "ab" for number in range(200))])

    def test_programs_that_the_main_one_starts(self, program: Program) -> None:
        """They join the main interpreter's session, while others live and when they have ended."""
        ended = program.run(
            with_start("""
    import subprocess
    from mplog import logger

    JOIN = "import mplog; assert mplog.attach(); mplog.logger.info('joined'); assert mplog.logger.complete()"

    if __name__ == "__main__":
        logger.remove()
        logger.add("app.log", format="{message}", enqueue=True)
        number = interpreters.create()
        run(number, '''
        import mplog
        mplog.logger.add("own.log", enqueue=True)
        mplog.attach()
        mplog.logger.info("own")
    ''')
        subprocess.run([sys.executable, "-c", JOIN], check=True, timeout=30)
        interpreters.destroy(number)
        subprocess.run([sys.executable, "-c", JOIN], check=True, timeout=30)
""")
        )
        assert ended.log() == ["own", "joined", "joined"]


class TestDeath:
    @TOGETHER
    def test_a_killed_process(self, program: Program) -> None:
        """What calls of its interpreters had returned is in the file after the next start, once and in order."""
        running = program.start(
            with_start("""
    from mplog import logger

    CODE = '''
        import os
        from mplog import logger
        told = os.open(f"told-{NAME}.txt", os.O_WRONLY | os.O_CREAT, 0o600)
        number = 0
        while True:
            logger.info("{} {}", NAME, number)
            number += 1
            os.pwrite(told, str(number).encode(), 0)
    '''
    if __name__ == "__main__":
        logger.remove()
        logger.add("app.log", format="{process.name} {message}")
        for name in "ab":
            threading.Thread(target=run, args=(interpreters.create(), CODE), kwargs={"NAME": name}).start()
""")
        )
        told = {name: program.here / f"told-{name}.txt" for name in "ab"}

        def count(name: str) -> int:
            with contextlib.suppress(FileNotFoundError, ValueError):
                return int(told[name].read_text())
            return 0

        wait_until(lambda: min(map(count, "ab")) > 500, "both interpreters log", 30.0)
        os.kill(running.process.pid, signal.SIGKILL)
        running.process.wait()
        ended = program.run("from mplog import logger; logger.remove(); logger.add('app.log')")
        lines = ended.log()
        for name in "ab":
            mine = [line for line in lines if line.split()[1] == name]
            assert len(mine) in (count(name), count(name) + 1)
            assert_once_in_order(mine, [f"{name} {number}" for number in range(len(mine))])
