"""Filters and formats give the same result for the records of every process, whether they can travel or not.

Covers logger-api.md, sections 10, 11 and 36.
"""

from __future__ import annotations

import pytest
from programs import Program

METHODS = ("fork", "spawn", "forkserver")

FILTERS = """
    import multiprocessing, os, sys
    from mplog import logger
    import part.inner, party

    def even(record):
        return record["extra"]["n"] % 2 == 0

    def add_handlers():
        limit = int("5")  # a closure below holds it, and no other interpreter can be given that
        logger.remove()
        for name, wanted in {
            "function": even,
            "closure": lambda record: record["extra"]["n"] < limit,
            "package": "part",
            "module": "part.inner",
            "main": "__main__",
            "none": None,
        }.items():
            logger.add(f"{name}.log", format="{extra[n]}", filter=wanted)

    def work():
        for n in range(0, 8):
            logger.info("from the main module", n=n)
        for n in range(8, 10):
            part.inner.log(n)
        party.log(10)

    if __name__ == "__main__":
        add_handlers()
        if sys.argv[1] == "here":
            work()
        else:
            process = multiprocessing.get_context(sys.argv[1]).Process(target=work)
            process.start()
            process.join()
            assert process.exitcode == 0
"""

LOGGING = """
    from mplog import logger

    def log(n):
        logger.info("from a module", n=n)
"""

FORMATS = """
    import multiprocessing, os, sys
    from mplog import logger

    def brackets(record):
        return "[{message}] " + str(len(record["extra"])) + "\\n{exception}"

    def add_handlers():
        mark = "#".strip()
        logger.remove()
        logger.add("function.log", format=brackets)
        logger.add("closure.log", format=lambda record: mark + "{message}\\n")
        logger.add("string.log", format="{level: >8} {process.name} {extra[a]} {message!r:>12}")

    def work():
        logger.info("plain {}", "text", a=1)
        try:
            raise KeyError("k")
        except KeyError:
            logger.exception("failed", a=2)

    if __name__ == "__main__":
        add_handlers()
        if sys.argv[1] == "here":
            multiprocessing.current_process().name = "W"
            work()
        else:
            process = multiprocessing.get_context(sys.argv[1]).Process(target=work, name="W")
            process.start()
            process.join()
            assert process.exitcode == 0
"""

RAISING = """
    import multiprocessing, os, sys
    from mplog import logger

    def fussy(record):
        if record["message"] == "bad":
            raise RuntimeError("cannot tell")
        return True

    def work():
        for message in ("one", "bad", "two"):
            logger.info(message)

    if __name__ == "__main__":
        logger.remove()
        logger.add("app.log", format="{message}", filter=fussy if sys.argv[2] == "function" else lambda r: fussy(r))
        logger.add("all.log", format="{message}")
        process = multiprocessing.get_context(sys.argv[1]).Process(target=work)
        process.start()
        process.join()
        assert process.exitcode == 0
"""


@pytest.mark.parametrize("method", ["here", *METHODS])
class TestSameResult:
    def test_filters(self, program: Program, method: str) -> None:
        """Functions, closures and names pass the same records of a worker as they pass of the owner."""
        program.script(LOGGING, "party.py")
        package = program.script("", "part.py").with_suffix("")
        package.mkdir()
        package.with_suffix(".py").rename(package / "__init__.py")
        program.script(LOGGING, "part/inner.py")

        ended = program.run(FILTERS, method)

        assert ended.log("function.log") == ["0", "2", "4", "6", "8", "10"]
        assert ended.log("closure.log") == ["0", "1", "2", "3", "4"]
        assert ended.log("package.log") == ended.log("module.log") == ["8", "9"]
        assert ended.log("none.log") == [str(n) for n in range(11)]
        from_main = [str(n) for n in range(8)]
        # The main module has another name where it was imported again.
        assert ended.log("main.log") == (from_main if method in ("here", "fork") else [])

    def test_formats(self, program: Program, method: str) -> None:
        """Templates and functions make the same lines of a worker's records."""
        ended = program.run(FORMATS, method)

        function = ended.log("function.log")
        assert [function[0], function[1], function[-1]] == ["[plain text] 1", "[failed] 1", "KeyError: 'k'"]
        assert function[2] == "Traceback (most recent call last):"
        assert ended.log("closure.log") == ["#plain text", "#failed"]
        string = [line for line in ended.log("string.log") if "W" in line]
        assert string == ["    INFO W 1 'plain text'", "   ERROR W 2     'failed'"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", ["function", "closure"])
class TestErrors:
    def test_a_filter_that_raises_costs_that_record_there(self, program: Program, method: str, kind: str) -> None:
        """It is reported; other records and other handlers are not concerned."""
        ended = program.run(RAISING, method, kind, silent=False)
        assert ended.log() == ["one", "two"]
        assert ended.log("all.log") == ["one", "bad", "two"]
        assert ended.said.count("RuntimeError: cannot tell") == 1
        assert ended.said.count(": handler 1 (") == 1
        assert "'message': 'bad'" in ended.said
