"""Colours and JSON are the same whichever process a record comes from, and whichever has the sink."""

from __future__ import annotations

import pytest
from programs import Program

SCRIPT = """
    import multiprocessing, pathlib, re, sys
    from mplog import logger

    class Shown:
        def __str__(self):
            return "shown"

    class Raising:
        def __str__(self):
            raise RuntimeError
        __repr__ = __str__

    def named(record):
        return "<g>{extra[path]}</g>|<level>{message}</level>\\n{exception}"

    def log(_=None):
        extra = {"path": pathlib.PurePosixPath("/x"), "nan": float("nan"), "shown": Shown(), "pair": (1, (2,)),
                 "keys": {(1, 2): 3, 1: "a", "1": "b"}, "raising": Raising(), "lone": "\\udcff"}
        bound = logger.bind(**extra)
        bound.opt(colors=True).warning("a <b>{}</b> <lvl>c</lvl>", "<r>")
        bound.opt(colors=True, raw=True).info("<b>raw</b>\\n")
        bound.log(33, "esc \\x1b[31m")
        try:
            1 / 0
        except ZeroDivisionError:
            bound.exception("failed")

    if __name__ == "__main__":
        context = multiprocessing.get_context(sys.argv[1])
        got = [[] for _ in range(4)]
        # It cannot travel: the owner runs it on what has arrived, which has no paths.
        closure = lambda record: named(record).replace("path", "pair")
        logger.remove()
        logger.add(got[0].append, format="<y>{message}</y>|{extra[path]}|{extra[shown]}", colorize=True)
        logger.add(got[1].append, format="{message}", serialize=True)
        logger.add(got[2].append, format=named, colorize=True)
        logger.add(got[3].append, format=closure, colorize=False)
        logger.add("text.log", format="<y>{message}</y>", colorize=True)
        logger.add("json.log", format="{message}", serialize=True)
        log()
        logger.complete()
        here = [len(texts) for texts in got]
        assert here == [4] * 4, here
        worker = context.Process(target=log)
        worker.start()
        worker.join()
        assert worker.exitcode == 0
        logger.complete()
        logger.remove()

        def alike(text):
            text = re.sub(r'("(?:seconds|timestamp|id|repr|name|line)": )("[^"]*"|[0-9.e-]+|null)', r"\\1", text)
            # Where frames are, and what is above them, differs between a program and a worker.
            return re.sub(r"Traceback .*?ZeroDivisionError", "ZeroDivisionError", text, flags=re.DOTALL)

        written = [pathlib.Path(name).read_text() for name in ("text.log", "json.log")]
        assert [len(texts) for texts in got] == [8] * 4
        for number, text in enumerate(["".join(texts) for texts in got] + written):
            lines = alike(text).splitlines()
            assert lines[: len(lines) // 2] == lines[len(lines) // 2 :], (number, lines)
            assert ("\\x1b[" in text) is (number in (0, 2, 4)), text
        print("alike")
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_worker_writes_what_its_owner_would(program: Program, method: str) -> None:
    """Coloured messages, JSON of values that cannot travel, format functions and exceptions."""
    ended = program.run(SCRIPT, method)
    assert "alike" in ended.output, ended
