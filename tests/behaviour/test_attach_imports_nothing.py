"""What the owner's configuration is made of stays the owner's: who joins it imports nothing of it."""

from __future__ import annotations

import pytest
from programs import Program

MODULE = """
    import datetime, enum, sys

    sys.stderr.write("imported\\n")

    class Number(enum.IntEnum):
        X = 33
        RIGHTS = 0o640

    class Text(str): pass
    class Real(float): pass
    class Span(datetime.timedelta): pass
    class Hour(datetime.time): pass
    class Value:
        def __repr__(self): return "<value>"

    def patch(record): record["message"] += "!"
    def shape(record): return "{level} {extra[value]} {message}\\n"
    def choose(record): return True
    def turn(message, file): return False
"""

OWNER = """
    import os, pathlib, subprocess, sys
    from mplog import QueueOptions, attach, logger

    WAYS = {
        "level number": lambda m: logger.level("XX", no=m.Number.X),
        "level name": lambda m: logger.level(m.Text("YY"), no=34, color=m.Text("<red>"), icon=m.Text("y")),
        "level of a handler": lambda m: logger.add("other.log", level=m.Number.X),
        "path": lambda m: logger.add(m.Text("other.log")),
        "format": lambda m: logger.add("other.log", format=m.Text("{message}")),
        "filter": lambda m: logger.add("other.log", filter={m.Text("a"): m.Number.X, "b": m.Text("INFO")}),
        "file options": lambda m: logger.add(
            "other.log", encoding=m.Text("utf8"), permissions=m.Number.RIGHTS, mode=m.Text("a"), buffering=m.Number.X,
            rotation=m.Span(days=1), retention=m.Span(days=1), compression=m.Text("gz"), newline=m.Text("\\n"),
        ),
        "rotations": lambda m: logger.add("other.log", rotation=[m.Hour(3), m.Real(1e6)], retention=m.Number.X),
        "functions": lambda m: logger.add("other.log", format=m.shape, filter=m.choose, rotation=m.turn),
        "settings": lambda m: logger.configure(
            extra={m.Text("value"): m.Value(), "number": m.Number.X}, patcher=m.patch, activation=[(m.Text("q"), False)]
        ),
        "queue": lambda m: logger.configure(queue=QueueOptions(
            ring_size=65536, block_timeout=m.Real(1), runtime_directory=m.Text(os.environ["MPLOG_RUNTIME_DIR"])
        )),
    }

    def help():
        logger.info("helped")
        assert "theirs" not in sys.modules
        other = next((handler for handler in logger._core.handlers() if handler.spec.file
                      and "other" in handler.spec.file.template.pattern), None)
        if other is not None:
            for value in (other.spec.level, other.spec.format, other.spec.file.permissions):
                assert value is None or type(value) in (int, str), value
            rotation = other.spec.file.rotation
            assert rotation is None or all(type(rule).__module__.startswith("mplog") for rule in rotation.times)

    if sys.argv[1] == "help":
        assert attach()
        help()
    else:
        import theirs

        logger.remove()
        logger.configure(extra={"value": "-"})
        logger.add("app.log", format="{message}")
        WAYS[sys.argv[1]](theirs)
        attach()
        subprocess.run([sys.executable, "-W", "error", sys.argv[2] or __file__, "help"], check=True)
        logger.complete()
        assert pathlib.Path("app.log").read_text().startswith("helped"), pathlib.Path("app.log").read_text()
"""

WAYS = [line.split('"')[1] for line in OWNER.splitlines() if line.startswith('        "') and "lambda" in line]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("same", [True, False], ids=["the same program", "another program"])
def test_a_program_that_joins(program: Program, way: str, same: bool) -> None:
    """It has the configuration as plain values, imports no module of the owner's, and its record arrives."""
    program.script(MODULE, "theirs.py")
    other = "" if same else str(program.script(OWNER, "other_program.py"))

    ended = program.run(OWNER, way, other, silent=False)

    assert ended.said == "imported\n"


def test_a_module_that_is_called_as_one_of_python(program: Program) -> None:
    """It is not one: what a value of it is made of is not imported, either."""
    program.script("class Value:\n    def __repr__(self): return '<value>'\n", "wave.py")

    ended = program.run(
        """
        import subprocess, sys
        from mplog import attach, logger

        if sys.argv[1:] == ["help"]:
            assert attach()
            logger.info("helped")
            assert "wave" not in sys.modules and "fractions" in sys.modules
        else:
            import fractions, wave

            logger.remove()
            logger.configure(extra={"theirs": wave.Value(), "pythons": fractions.Fraction(1, 2)})
            logger.add("app.log", format="{extra[theirs]} {extra[pythons]} {message}")
            attach()
            subprocess.run([sys.executable, "-W", "error", __file__, "help"], check=True)
        """
    )

    assert ended.log() == ["<value> 1/2 helped"]
