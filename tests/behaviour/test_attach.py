"""`attach()`: a program started without `multiprocessing` logs into the sinks of the program that started it.

beyond.md, row 18.
"""

from __future__ import annotations

from collections import Counter

import pytest
from attached import OWNER, write_helper
from programs import Program, assert_once_in_order


class TestSubprocess:
    def test_its_records_are_in_the_owners_file(self, program: Program) -> None:
        """Three helpers and the owner at once, across rotations: each line once, in order, and nobody else rotates."""
        ended = program.run(OWNER, write_helper(program))
        expected = [f"{name} {n}" for name in ("owner", "helper0", "helper1", "helper2") for n in range(500)]
        assert_once_in_order(ended.log(), expected)

    def test_levels_extra_patcher_and_activation_come_along(self, program: Program) -> None:
        """The helper is configured as a spawned child would be, and follows changes."""
        helper = write_helper(
            program,
            """
            import sys
            from mplog import attach, logger

            assert attach()
            logger.log("NOTICE", "one")
            logger.debug("never")
            print("ready", flush=True)
            sys.stdin.readline()
            logger.debug("two")
            """,
        )
        ended = program.run(
            """
            import subprocess, sys
            from mplog import attach, logger

            logger.level("NOTICE", no=27)
            number = None
            logger.configure(
                handlers=[{"sink": "app.log", "level": "INFO", "format": "{level} {extra[where]} {message}"}],
                extra={"where": "here"},
                patcher=lambda record: record.update(message=record["message"].upper()),
            )
            attach()
            helper = subprocess.Popen(
                [sys.executable, sys.argv[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            helper.stdout.readline()
            logger.add("debug.log", level="DEBUG", format="{message}")
            helper.communicate("\\n")
            assert helper.returncode == 0
            """,
            helper,
        )
        assert ended.log() == ["NOTICE here ONE"]
        assert ended.log("debug.log") == ["TWO"]

    def test_the_default_handler_joins_too(self, program: Program) -> None:
        """Lines for standard error come from the owner, each once; the helper has no second handler for it."""
        helper = write_helper(program)
        ended = program.run(
            """
            import subprocess, sys
            from mplog import attach, logger

            attach()
            logger.info("owner 0")
            subprocess.run([sys.executable, sys.argv[1], "helper", "2"], check=True, stderr=subprocess.DEVNULL)
            """,
            helper,
            silent=False,
        )
        assert [line.rpartition(" - ")[2] for line in ended.said.splitlines()] == ["owner 0", "helper 0", "helper 1"]

    def test_a_helpers_own_sinks_stay_its_own(self, program: Program) -> None:
        """Functions do not become the owner's because they have the same name; the same file does."""
        helper = write_helper(
            program,
            """
            from mplog import attach, logger

            seen = []
            def sink(message): seen.append(str(message))

            logger.remove()
            logger.add("app.log", format="helper's own {message}")
            logger.add(sink, format="{message}")
            assert attach()
            logger.info("one")
            assert logger.complete()
            assert seen == ["one\\n"], seen
            """,
        )
        ended = program.run(
            """
            import subprocess, sys
            from mplog import attach, logger

            seen = []
            def sink(message): seen.append(str(message))

            logger.remove()
            logger.add("app.log", format="{message}")
            logger.add(sink, format="{message}")
            attach()
            subprocess.run([sys.executable, "-W", "error", sys.argv[1]], check=True)
            logger.complete()
            logger.remove()
            assert seen == ["one\\n"], seen
            """,
            helper,
        )
        assert ended.log() == ["one"]

    def test_functions_of_the_owners_main_module(self, program: Program) -> None:
        """Those that the helper has under the same names are others: the owner's are run, by the owner."""
        helper = write_helper(
            program,
            """
            from mplog import attach, logger

            def shape(record): return "wrong {message}\\n"
            def choose(record): return False
            def patch(record): record["message"] = "wrong"
            class Value:
                def __reduce__(self): raise SystemExit("wrong")

            assert attach()
            logger.info("one")
            logger.info("secret")
            """,
        )
        ended = program.run(
            """
            import subprocess, sys
            from mplog import attach, logger

            def shape(record): return "right {extra[value]} {message}\\n"
            def choose(record): return "secret" not in record["message"]
            def patch(record): record["message"] += "!"
            def never(message, file): return False

            class Value:
                def __repr__(self): return "<value>"

            logger.remove()
            logger.configure(patcher=patch, extra={"value": Value()})
            logger.add("app.log", format=shape, filter=choose, rotation=never)
            attach()
            subprocess.run([sys.executable, "-W", "error", sys.argv[1]], check=True)
            """,
            helper,
        )
        assert ended.log() == ["right <value> one!"]

    def test_the_same_program_again_has_the_same_functions(self, program: Program) -> None:
        """A program that starts itself runs its format function where the call is."""
        ended = program.run(
            """
            import os, subprocess, sys
            from mplog import attach, logger

            def shape(record): return f"{os.getpid()} {{process.id}} {{message}}\\n"

            if len(sys.argv) > 1:
                assert attach()
                logger.info("helper")
            else:
                logger.remove()
                logger.add("app.log", format=shape)
                attach()
                subprocess.run([sys.executable, "-W", "error", __file__, "helper"], check=True)
            """
        )
        ((made_by, logged_by, text),) = [line.split() for line in ended.log()]
        assert (made_by, text) == (logged_by, "helper")

    def test_a_helper_of_a_helper(self, program: Program) -> None:
        """It belongs to the same owner, and to its parent where that has sinks of its own."""
        inner = write_helper(program, name="inner.py")
        helper = write_helper(
            program,
            """
            import subprocess, sys
            from mplog import attach, logger

            assert attach()
            logger.add("helper.log", format="{message}")
            assert attach()
            subprocess.run([sys.executable, "-W", "error", sys.argv[1], "inner", "2"], check=True)
            """,
        )
        ended = program.run(
            """
            import subprocess, sys
            from mplog import attach, logger

            logger.remove()
            logger.add("app.log", format="{message}")
            attach()
            subprocess.run([sys.executable, "-W", "error", *sys.argv[1:]], check=True)
            """,
            helper,
            inner,
        )
        assert ended.log() == ended.log("helper.log") == ["inner 0", "inner 1"]

    @pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
    def test_processes_of_a_helper(self, program: Program, method: str) -> None:
        """What it starts with `multiprocessing` belongs to the owner, also while its main module is imported."""
        helper = write_helper(
            program,
            """
            import multiprocessing, sys
            from mplog import attach, logger

            assert attach()
            logger.info("imported by {}", multiprocessing.current_process().name)

            def work(number):
                logger.info("work {}", number)

            if __name__ == "__main__":
                context = multiprocessing.get_context(sys.argv[1])
                children = [context.Process(target=work, args=(n,), name=f"child{n}") for n in range(2)]
                for child in children:
                    child.start()
                for child in children:
                    child.join()
                assert [child.exitcode for child in children] == [0, 0]
            """,
        )
        ended = program.run(
            """
            import subprocess, sys
            from mplog import attach, logger

            logger.remove()
            logger.add("app.log", format="{message}")
            attach()
            subprocess.run([sys.executable, "-W", "error", *sys.argv[1:]], check=True)
            """,
            helper,
            method,
        )
        lines = Counter(ended.log())
        assert lines["work 0"] == lines["work 1"] == 1
        assert lines["imported by MainProcess"] >= 1
        if method == "spawn":
            assert lines["imported by child0"] == lines["imported by child1"] == 1

    @pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
    def test_a_worker_starts_a_program(self, program: Program, method: str) -> None:
        """The session that any start of a process makes is in the environment of workers, too."""
        ended = program.run(
            """
            import multiprocessing, subprocess, sys
            from mplog import attach, logger

            def work(helper):
                assert attach()
                subprocess.run([sys.executable, "-W", "error", helper, "helper", "2"], check=True)

            if __name__ == "__main__":
                logger.remove()
                logger.add("app.log", format="{message}")
                child = multiprocessing.get_context(sys.argv[2]).Process(target=work, args=(sys.argv[1],))
                child.start()
                child.join()
                assert child.exitcode == 0
            """,
            write_helper(program),
            method,
        )
        assert ended.log() == ["helper 0", "helper 1"]

    def test_enqueue_announces_as_well(self, program: Program) -> None:
        """Where there is a session already, the owner need not call anything."""
        ended = program.run(
            """
            import subprocess, sys
            from mplog import logger

            logger.remove()
            logger.add("app.log", format="{message}", enqueue=True)
            subprocess.run([sys.executable, "-W", "error", sys.argv[1], "helper", "2"], check=True)
            """,
            write_helper(program),
        )
        assert ended.log() == ["helper 0", "helper 1"]

    def test_it_outlives_the_owner(self, program: Program) -> None:
        """As any worker it then writes the file itself: each line once, in order."""
        helper = write_helper(
            program,
            """
            import os, time
            from mplog import attach, logger

            assert attach()
            parent = os.getppid()
            number = 0
            while os.getppid() == parent:
                logger.info("helper {}", number)
                number += 1
            for last in range(number, number + 100):
                logger.info("helper {}", last)
            with open("count.txt", "w") as file:
                file.write(str(number + 100))
            assert not attach()
            """,
        )
        running = program.start(
            """
            import os, signal, subprocess, sys, time
            from mplog import attach, logger

            logger.remove()
            logger.add("app.log", format="{process.id} {message}")
            attach()
            subprocess.Popen([sys.executable, sys.argv[1]])
            while not os.path.getsize("app.log"):
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGKILL)
            """,
            helper,
        )
        assert running.wait().status == -9
        program.wait_for_members()
        count = int((program.here / "count.txt").read_text())
        assert_once_in_order(running.log(), [f"helper {n}" for n in range(count)])

    def test_it_is_killed(self, program: Program) -> None:
        """What its calls had returned for is in the file, and nothing of it is left in the runtime directory."""
        helper = write_helper(
            program,
            """
            import os, signal
            from mplog import attach, logger

            assert attach()
            for number in range(100):
                logger.info("helper {}", number)
            os.kill(os.getpid(), signal.SIGKILL)
            """,
        )
        ended = program.run(
            """
            import subprocess, sys
            from mplog import attach, logger

            logger.remove()
            logger.add("app.log", format="{message}")
            attach()
            assert subprocess.run([sys.executable, sys.argv[1]]).returncode == -9
            """,
            helper,
        )
        assert ended.log() == [f"helper {n}" for n in range(100)]


class TestExec:
    def test_a_forked_child_becomes_another_program(self, program: Program) -> None:
        """What it logged before and after is there, though the process is the same."""
        ended = program.run(
            """
            import os, sys
            from mplog import logger

            logger.remove()
            logger.add("app.log", format="{message}")
            child = os.fork()
            if child == 0:
                logger.info("before")
                os.execv(sys.executable, [sys.executable, "-W", "error", sys.argv[1], "after", "2"])
            assert os.waitpid(child, 0)[1] == 0
            """,
            write_helper(program),
        )
        assert ended.log() == ["before", "after 0", "after 1"]

    def test_an_owner_that_replaces_itself(self, program: Program) -> None:
        """Its former workers are not told that it lives: they write for themselves, and the new program is an owner."""
        ended = program.run(
            """
            import os, sys, time
            from mplog import attach, logger

            if len(sys.argv) == 1:
                logger.remove()
                logger.add("app.log", format="{message}")
                if os.fork() == 0:
                    logger.info("worker before")
                    open("ready.txt", "w").close()
                    while not os.path.exists("again.txt"):
                        time.sleep(0.01)
                    logger.info("worker after")
                    assert logger.complete(20)
                    open("done.txt", "w").close()
                    os._exit(0)
                while not os.path.exists("ready.txt"):
                    time.sleep(0.01)
                os.execv(sys.executable, [sys.executable, __file__, "again"])
            assert not attach()
            logger.remove()
            logger.add("app.log", format="{message}")
            logger.info("owner again")
            open("again.txt", "w").close()
            while not os.path.exists("done.txt"):
                time.sleep(0.01)
            os.wait()
            """,
            silent=False,
        )
        assert sorted(ended.log()) == ["owner again", "worker after", "worker before"]
