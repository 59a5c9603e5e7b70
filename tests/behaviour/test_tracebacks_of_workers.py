"""The traceback text in a log is the one that the worker had, whatever the exception and however it travels."""

from __future__ import annotations

import pytest
from programs import Program

METHODS = ("fork", "spawn", "forkserver")

SCRIPT = """
    import multiprocessing, sys
    from mplog import logger
    from mplog._capture.exception import capture, describe
    from mplog._render.look import Look
    from mplog._render.traceback import traceback_text

    logger.remove()
    logger.add("app.log", format="{message}")
    if __name__ == "__main__":
        logger.add(sys.stdout, format="{message}")
        calls = []
        logger.add(calls.append, format="{message}")

    class Unpicklable(Exception):
        def __init__(self, first, second):
            super().__init__(f"{first} and {second}")
            self.hold = lambda: None

    class Local(Exception):
        __module__ = "nowhere.to.be.found"

    def chained():
        try:
            {}["missing"]
        except KeyError as error:
            raise RuntimeError("several\\nlines") from error

    def unpicklable():
        raise Unpicklable("one", "two")

    def local():
        raise Local

    def deep(n=40):
        return deep(n - 1) if n else 1 / 0

    def context():
        try:
            deep()
        finally:
            int("x")

    def syntax():
        compile("a = (", "<given>", "exec")

    def group():
        if sys.version_info < (3, 11):
            raise ValueError
        errors = []
        for n in range(2):
            try:
                raise ValueError(n)
            except ValueError as error:
                error.add_note(f"note {n}")
                errors.append(error)
        raise ExceptionGroup("several", errors)

    def leave():
        raise SystemExit(3)

    class Hostile(Exception):
        def __str__(self):
            raise ValueError("no text")
        __repr__ = __str__

    def hostile():
        raise Hostile(Hostile()) from Hostile()

    def loop():
        error = ValueError("loop")
        error.__cause__ = TypeError("other")
        error.__cause__.__cause__ = error
        raise error

    def controls():
        raise ValueError("a\\x1b[31mb\\x07")

    FUNCTIONS = chained, unpicklable, local, deep, context, syntax, group, leave, hostile, loop, controls

    def work(connection):
        for function in FUNCTIONS:
            try:
                function()
            except BaseException as error:
                logger.exception("failed {}", function.__name__)
                text = traceback_text(describe(capture(error)), Look())
                assert f"in {function.__name__}\\n" in text, text
                assert "> File" in text and "\\x1b" not in text, text
                connection.send(f"failed {function.__name__}\\n" + text)
        connection.send(None)

    if __name__ == "__main__":
        connection, other = multiprocessing.Pipe()
        process = multiprocessing.get_context(sys.argv[1]).Process(target=work, args=(other,))
        process.start()
        expected = list(iter(connection.recv, None))
        assert len(expected) == len(FUNCTIONS)
        process.join()
        logger.remove()
        assert calls == expected, (calls, expected)
        with open("expected.txt", "w") as file:
            file.write("".join(expected))
"""

CAUGHT_ELSEWHERE = """
    import concurrent.futures, multiprocessing, sys
    from mplog import logger

    logger.remove()
    logger.add("app.log", format="{message}")

    def work(n):
        try:
            return 1 / n
        except ZeroDivisionError:
            logger.exception("in the worker")
            raise

    if __name__ == "__main__":
        context = multiprocessing.get_context(sys.argv[1])
        with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as executor:
            try:
                executor.submit(work, 0).result()
            except ZeroDivisionError:
                logger.exception("in the parent")
"""


@pytest.mark.parametrize("method", METHODS)
class TestText:
    def test_it_equals_what_the_worker_would_print(self, program: Program, method: str) -> None:
        """Chains, groups, notes, exceptions that cannot be pickled or imported; in file, stream and function."""
        ended = program.run(SCRIPT, method, silent=False)
        assert not ended.said
        expected = (ended.here / "expected.txt").read_text()
        assert "\n".join(ended.log()) + "\n" == expected
        assert ended.output == expected

    def test_an_exception_that_travels_on(self, program: Program, method: str) -> None:
        """Logged where it happened and again where the executor raised it."""
        ended = program.run(CAUGHT_ELSEWHERE, method)
        lines = ended.log()
        assert lines.count("in the worker") == lines.count("in the parent") == 1
        assert len([line for line in lines if line == "ZeroDivisionError: division by zero"]) >= 2
