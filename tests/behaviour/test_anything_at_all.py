"""Hostile everything at once: each call returns, and its record is at every sink, or what is missing is counted.

Message, arguments, extra, level, exception, globals, clock, frames, standard records, formats, patchers: made by chance
from a seed that the failure names.
"""

from __future__ import annotations

import json
from pathlib import Path

import hostile
import pytest
from programs import FULL, Program

SEEDS = range(20 if FULL else 3)
CALLS = 400 if FULL else 120

PROGRAM = """
    import contextlib, ctypes, functools, io, json, logging, os, random, sys
    from unittest import mock

    import hostile
    from mplog import logger
    from mplog.integrations.standard import InterceptHandler, intercept

    seed, place, calls = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    source = random.Random(seed)
    C, CALLBACK = ctypes.CDLL(None), ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)

    def fail(*_, **__):
        raise RuntimeError("no")

    def value():
        return hostile.generated(source)

    FORMATS = [
        "{message}", "{time} {level} {message} {extra}", "{level.nmae} {message}", "{line:zz}", "{extra[absent]}",
        "{absent}", "{extra!r} {exception}", "<red>{message:>20}</red> <level>{level: <8}</level>",
        "{process.name} {thread.name} {file.path} {module} {name} {function} {elapsed} {process.no}",
        lambda record: fail(), lambda record: 5, lambda record: "{", lambda record: record["message"],
    ]
    FIELDS = ["elapsed", "exception", "extra", "file", "function", "level", "line", "message", "module", "name",
              "process", "thread", "time"]
    CLOCKS = [
        {"side_effect": []}, {}, {"return_value": None}, {"return_value": "now"}, {"return_value": float("nan")},
        {"return_value": 1e300}, {"return_value": -1e13}, {"return_value": 5}, {"side_effect": RuntimeError("no")},
        {"return_value": 1e9},
    ]

    class Globals(dict):
        get = __contains__ = keys = fail

    class Name(str):
        __eq__ = __hash__ = __str__ = __format__ = fail

    class Thread:
        name = property(fail)

    def surroundings():
        kind = source.randrange(8)
        if kind == 0:
            return mock.patch("time.time", **source.choice(CLOCKS))
        if kind == 1:
            return mock.patch("threading.current_thread", source.choice([fail, Thread]))
        if kind == 2:
            return mock.patch("time.localtime", fail)
        if kind == 3:
            return mock.patch("multiprocessing.process.current_process", fail)
        return contextlib.nullcontext()

    def patcher():
        keys = source.sample(FIELDS, source.randrange(1, 4))
        new = [value() for _ in keys]
        kind = source.randrange(4)

        def change(record):
            for key, item in zip(keys, new):
                if kind == 0:
                    record.pop(key)
                elif kind == 1:
                    record[key] = item
                elif kind == 2:
                    record[item if isinstance(item, bytes) else key] = item
                else:
                    record.clear()
                    fail()
        return change

    def given():
        message = source.choice(["text", "{}", "{a}", "{0.x} {1:>9}", "%s", value(), value()])
        args = [value() for _ in range(source.randrange(3))]
        names = source.sample(["a", "b", "message", "level", "exc_info", "extra", "stacklevel", "self", "time"], 2)
        return message, args, {name: value() for name in names[: source.randrange(3)]}

    def raised(error):
        try:
            raise error
        except BaseException as caught:
            return caught

    def call():
        message, args, kwargs = given()
        kind = source.randrange(15)
        view = logger
        if source.random() < 0.3:
            view = view.patch(patcher())
        if source.random() < 0.3:
            view = view.bind(**{source.choice("abc"): value()})
        if kind == 0:
            return view.log, ("INFO", message, *args), kwargs
        if kind == 1:
            return view.log, (source.choice([33, Name("ERROR"), hostile.Number(30)]), message, *args), kwargs
        if kind == 2:
            return view.opt(exception=raised(hostile.Failure(value()))).error, (message, *args), kwargs
        if kind == 3:
            return view.opt(exception=value()).error, (message, *args), kwargs
        if kind == 4:
            lazy = [source.choice([fail, lambda: 5]) for _ in args]
            return view.opt(lazy=True).info, (message, *lazy), {}
        if kind == 5:
            return view.opt(colors=True, raw=source.random() < 0.5).info, (message, *args), kwargs
        if kind == 6:
            return view.opt(record=True, depth=source.choice([0, 3, -3, 1000])).info, (message, *args), kwargs
        if kind == 7:
            space = Globals(view=view, given=(message, args, kwargs), __name__=source.choice(["a.b", value()]))
            return exec, ("view.info(given[0], *given[1], **given[2])", space), {}
        if kind == 8:
            return nobody, (view.info, (message, *args), kwargs), {}
        if kind == 9:
            return view.exception, (message, *args), kwargs
        if kind == 10:
            error = hostile.Failure(value())

            @view.catch(message=source.choice(["caught", message]))
            def failing():
                raise error
            return failing, (), {}
        return view.info, (message, *args), kwargs

    def nobody(function, args, kwargs):
        # A thread of C's: it calls with one argument more.
        callback = CALLBACK(functools.partial(function, *args, **kwargs))
        thread = ctypes.c_ulong()
        assert C.pthread_create(ctypes.byref(thread), None, callback, None) == 0
        assert C.pthread_join(thread, None) == 0

    def standard():
        record = logging.makeLogRecord({"msg": value(), "levelno": 30})
        for name in source.sample(sorted(set(record.__dict__) - {"levelno"}), source.randrange(5)):
            if source.random() < 0.3:
                delattr(record, name)
            else:
                setattr(record, name, value())
        if source.random() < 0.5:
            setattr(record, source.choice(["request", "\\ud800", "level"]), value())
        return logging.getLogger().handle, (record,), {}

    got = []
    logger.remove()
    logger.add("json.log", serialize=True, format=source.choice(FORMATS))
    logger.add("app.log", format=source.choice(FORMATS))
    logger.add(io.StringIO(), format=source.choice(FORMATS), colorize=True, diagnose=True)
    logger.add(lambda message: got.append(type(message.record["level"].no)), format=source.choice(FORMATS))
    logger.add(logging.NullHandler(), format=source.choice(FORMATS), filter={"nobody": "ERROR"})
    if seed % 2:
        logger.disable("nobody")

    def work():
        if place == "intercept":
            intercept()
            logging.getLogger().handlers[0].logger = logger.bind(a=value())
        for number in range(calls):
            function, args, kwargs = standard() if place == "intercept" else call()
            with surroundings():
                try:
                    function(*args, **kwargs)
                except Exception as error:
                    print(f"call {number} raised {type(error).__name__}", file=sys.stderr, flush=True)
                    os._exit(3)

    if place == "worker":
        pid = os.fork()
        if not pid:
            work()
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
    else:
        work()
    logger.remove()
    counts = logger.statistics()
    with open("counts.txt", "w") as file:
        json.dump([len(got), counts.emitted, counts.written, counts.dropped, counts.filtered, counts.failed], file)
"""


@pytest.mark.parametrize("place", ["owner", "worker", "intercept"])
@pytest.mark.parametrize("seed", SEEDS)
def test_no_call_raises_and_no_record_is_missing(program: Program, seed: int, place: str) -> None:
    """Every sink has every record; each line of JSON is one."""
    program.script(Path(hostile.__file__).read_text(), "hostile.py")
    ended = program.run(PROGRAM, seed, place, CALLS, silent=False)
    got, emitted, written, dropped, filtered, failed = json.loads((ended.here / "counts.txt").read_text())
    assert (dropped, filtered, failed) == (0, 0, 0)
    assert got == CALLS
    assert emitted == written == 5 * CALLS
    records = [json.loads(line) for line in ended.log("json.log")]
    assert len(records) == CALLS
    assert all(record.keys() == {"text", "record"} for record in records)
