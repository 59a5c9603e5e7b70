"""What a worker logs is, in every sink, what the owner itself would have written; beyond.md, row 1.

One function uses everything that a program can say to the logger, several times over, in the owner and then in a
worker. Every sink must hold the same text twice, without process ids and names, times, addresses, and the frames of
tracebacks that are above that function; so must JSON, and the records that functions and standard handlers get.
Covers logger-api.md, sections 4 to 7, 10 to 15, 21 to 25 and 36.
"""

from __future__ import annotations

import pytest
from programs import Program

FEATURES = '''
    """What the owner and its worker do alike."""

    import datetime, functools, pathlib, sys
    from mplog import logger
    import quiet

    password = "hunter" + str(2)

    class Shown:
        def __init__(self, name):
            self.name = name

        def __repr__(self):
            return f"Shown({self.name!r})"

        def __str__(self):
            return f"shown {self.name}"

    class Raising:
        def __repr__(self):
            raise RuntimeError("no text")

    class Unpicklable(Exception):
        def __init__(self, first, second):
            super().__init__(f"{first} and {second}")
            self.hold = lambda: None

    def configured_patcher(record):
        record["extra"]["length"] = len(record["message"].partition(", process")[0])

    def shown(record):
        return "<y>{level.icon}</y> {function}|<level>{message}</level>|{extra[length]}\\n{exception}"

    def has_no_lazy(record):
        return "lazy" not in record["message"]

    def drive(coroutine):
        """Run a coroutine without a loop."""
        while True:
            try:
                coroutine.send(None)
            except StopIteration as stop:
                return stop.value

    def levels():
        for name in ("trace", "debug", "info", "success", "warning", "error", "critical"):
            getattr(logger, name)("method {} {!r:>6}", name, "x")
        logger.log("NOTE", "custom {}", 1)
        logger.log("LOUD", "custom {n}", n=2)
        for number in (0, 15, 25, 33, 60):
            logger.log(number, "number {}", number)
        logger.info("no arguments {} {braces}")
        logger.info("several\\nlines and \\ttab, \\x1b[31mcontrols\\x07, \\u202e and \\u00e9\\u4e2d\\U0001f600")
        logger.info(17)
        logger.info(None)
        logger.info("{:>8.3f}|{:<5}|{!s}|{!r}|{:%Y}", 3.14159, "ab", Shown("s"), Shown("r"), datetime.date(2020, 1, 2))
        logger.info("{0} {named} {0}", "pos", named="key")

    def options():
        colored = logger.opt(colors=True)
        colored.info("<red>red</red> <b>{}</b> <lvl>level</lvl> {:>4}", "<g>data</g>", 5)
        colored.bind(app="<b>no</b>").log("LOUD", "<fg #ff0000>hex</> \\\\<escaped>")
        logger.opt(raw=True).info("raw {}\\n", 1)
        logger.opt(raw=True, colors=True).warning("<blue>raw</blue> {}\\n", "<r>")
        logger.opt(record=True).info("record {record[function]} {record[level].icon} {}", 1)
        logger.opt(lazy=True).info("lazy {} {key}", lambda: 6 * 7, key=lambda: "later")
        logger.opt(lazy=True).log(0, "lazy and never asked {}", lambda: 1 / 0)
        logger.opt(capture=False).info("not captured {key}", key=1)
        logger.info("captured {key}", key=2)
        logger.opt(depth=1).info("one above")
        logger.opt(depth=2000).info("above all")
        logger.opt(colors=True, record=True, depth=1).info("<r>{record[line]}</r>")

    def views():
        bound = logger.bind(request=7)
        bound.info("bound")
        bound.bind(request=8).info("{} {request}", "over", request=9)
        with logger.contextualize(task="outer", request=1):
            logger.info("in context")
            with logger.contextualize(task="inner"):
                bound.info("nested")
            decorated()
        logger.info("out of context")
        logger.patch(lambda record: record["extra"].update(patched=True)).info("patched")
        bound.patch(change).info("patched {}", "twice")
        logger.bind(values=[1, 2.5, None, True, (1, "a"), {"k": [b"b"]}, float("inf")], self=3).info("plain values")

    def odd_values():
        extra = {"shown": Shown("e"), "function": len,
                 "when": datetime.datetime(2020, 1, 2),
                 "set": {1},
                 "complex": 1j, "lone": "\\udcff", "path": pathlib.PurePosixPath("/x"),
                 "keys": {(1, 2): 3, 1: "a"}, "big": 2 ** 70}
        logger.bind(**extra).info("odd values {}", Shown("arg"))
        logger.bind(raising=Raising()).info("raising")

    @logger.contextualize(task="decorated")
    def decorated():
        logger.info("in a decorated function")

    def change(record):
        record["message"] = record["message"].upper()
        record["function"] = "changed"
        record["extra"]["more"] = {"a": [1]}

    def activation():
        quiet.say("silenced")
        logger.enable("quiet")
        quiet.say("heard")
        logger.disable("quiet")
        quiet.say("silenced again")

    def divide(number, password=password):
        api_token = password * 2
        return {"password": password, "n": number, "token": api_token}["n"] / int(len(api_token) * 0)

    def chained():
        try:
            divide(1)
        except ZeroDivisionError as error:
            try:
                {}["missing"]
            except KeyError:
                raise Unpicklable("one", Shown("two")) from error

    def deep(n=30):
        return deep(n - 1) if n else divide(n)

    def failing(*things):
        """Exceptions of all kinds."""
        text = "several\\nlines \\x1b[31m"
        raise ValueError(text, things, Shown("arg"))

    def noted():
        error = TypeError("noted")
        if sys.version_info >= (3, 11):
            error.add_note("first note\\nof two lines")
            error.add_note("second \\x1b[0m")
        raise error

    def grouped():
        errors = []
        for function in (chained, noted, deep):
            try:
                function()
            except Exception as error:
                errors.append(error)
        if sys.version_info < (3, 11):
            raise errors[0]
        raise ExceptionGroup("several", [errors[0], ExceptionGroup("inner", errors[1:])])

    def syntax():
        compile("a = (", "<given>", "exec")

    def exceptions():
        for function in (chained, deep, failing, noted, grouped, syntax):
            try:
                function()
            except Exception as error:
                logger.exception("failed {}", function.__name__)
                kept = error
        logger.opt(exception=kept).warning("a kept one")
        logger.opt(exception=(type(kept), kept, kept.__traceback__)).info("a triple")
        logger.opt(exception=(type(kept), kept, None)).info("without traceback")
        logger.opt(exception=ValueError("never raised")).info("never raised")
        logger.opt(exception=True).info("none is handled")
        logger.opt(exception=True, colors=True).info("<r>none</r>")
        try:
            divide(2)
        except ZeroDivisionError:
            logger.opt(exception=True, raw=True).error("raw with one\\n")
            logger.opt(exception=False).error("without")
            logger.bind(a=1).opt(depth=1).exception("with depth")

    def catches():
        seen = []

        @logger.catch
        def plain(number):
            return divide(number)

        @logger.catch(ZeroDivisionError, default=-1, level="LOUD", message="{record[extra]}!", onerror=seen.append)
        def with_default(password):
            return divide(3, password)

        @logger.bind(view=1).catch(default="left")
        def generator():
            yield 1
            divide(4)

        @logger.catch(default="gone")
        async def coroutine():
            chained()

        @logger.catch(reraise=True)
        def again():
            noted()

        @logger.catch(exclude=ZeroDivisionError)
        def excluded():
            divide(5)

        assert plain(1) is None
        assert with_default(password) == -1 and type(seen[0]) is ZeroDivisionError
        made = generator()
        assert next(made) == 1
        try:
            next(made)
        except StopIteration as stop:
            assert stop.value == "left"
        assert drive(coroutine()) == "gone"
        for function in (again, excluded):
            try:
                function()
            except (TypeError, ZeroDivisionError) as error:
                logger.info("passed on: {}", error)
        with logger.catch(message="in a block"):
            failing(1)
        with logger.opt(colors=True).catch(BaseException, level=35, message="<r>leaving</r>"):
            raise SystemExit(3)

        async def block():
            async with logger.catch():
                deep(3)

        drive(block())

    def use(odd):
        """Everything. *odd*: with values of kinds that only their own process can show in every way."""
        for part in (levels, options, views, *[odd_values] * odd, activation, exceptions, catches):
            for _ in range(2):
                part()

    def work(odd):
        use(odd)
        logger.complete()
'''

QUIET = """
    from mplog import logger

    def say(text):
        logger.warning("{}", text)
"""

PROGRAM = r"""
    import asyncio, faulthandler, importlib, json, logging, pathlib, re, sys
    from mplog import logger
    import features

    FULL = ("{time}|{level: <8}|{level.no}|{level.icon}|{name}:{function}:{line}|{module}|{file}|{file.path}"
            "|{thread.name}|{elapsed}|{extra}|{message}")
    COLORED = "<g>{time:HH:mm:ss}</g>|<level>{level}</level>|<c>{extra[app]}</c> <lvl>{message}</lvl> <b>{line}</b>"

    class Stream:
        def __init__(self):
            self.texts = []

        def write(self, message):
            self.texts.append(message)

    class Handler(logging.Handler):
        def __init__(self):
            super().__init__()
            self.texts = []

        def emit(self, record):
            self.texts.append("|".join(map(str, (
                record.name, record.levelno, record.levelname, record.lineno, record.funcName, record.module,
                record.pathname, record.threadName, sorted(record.extra), record.getMessage(), "\n",
            ))))

    def of_record(message):
        record = message.record
        file, level, error = record["file"], record["level"], record["exception"]
        return json.dumps({
            "text": message, "message": record["message"], "name": record["name"], "function": record["function"],
            "line": record["line"], "module": record["module"], "file": [file.name, file.path],
            "level": [level.name, level.no, level.icon], "extra": sorted(record["extra"]),
            "exception": error and [getattr(error.type, "__name__", error.type), str(error.value)],
            "zone": record["time"].tzname(), "thread": record["thread"].name,
        }) + "\n"

    def add_handlers(loop):
        number = len("abc")
        texts = {name: [] for name in ("function", "records", "coroutine", "json function")}
        stream, handler = Stream(), Handler()
        texts["stream"], texts["standard"] = stream.texts, handler.texts

        async def coroutine(message):
            texts["coroutine"].append(message)

        logger.add("plain.log", format=FULL, level=1)
        logger.add("clean.log", format="{level} {message}", sanitize=False, level=1)
        logger.add("colored.log", format=COLORED, colorize=True, level=1)
        logger.add("json.log", serialize=True, level=1, diagnose=True)
        logger.add("back.log", format="{message}", backtrace=True, diagnose=False)
        logger.add("forward.log", format="{message}", backtrace=False, diagnose=False)
        logger.add("diagnose.log", format="{message}", backtrace=False, diagnose=True)
        logger.add("both.log", format=COLORED, backtrace=True, diagnose=True, colorize=True)
        logger.add("encoded.log", format=FULL, encoding="utf-16", diagnose=True)
        logger.add("modules.log", format=FULL, filter={"": "INFO", "features": "WARNING", "quiet": False})
        logger.add("named.log", format=FULL, filter="quiet")
        logger.add("filtered.log", format=FULL, filter=features.has_no_lazy)
        logger.add("closure.log", format=FULL, filter=lambda record: record["line"] % number, level="DEBUG")
        logger.add("formatted.log", format=features.shown, colorize=True, diagnose=True)
        logger.add("closed.log", format=lambda record: features.shown(record) * (number - 2), backtrace=True)
        logger.add("high.log", format="{exception}{level} {message}", level="LOUD")
        logger.add("queue.log", format=FULL, enqueue=True)
        logger.add(texts["function"].append, format=COLORED, colorize=True, diagnose=True, backtrace=True)
        logger.add(texts["json function"].append, serialize=True, format="{message}")
        logger.add(lambda message: texts["records"].append(of_record(message)), format=FULL)
        logger.add(stream, format=FULL, diagnose=True)
        logger.add(handler, format="{level} {message}")
        logger.add(coroutine, format=FULL, loop=loop, backtrace=True)
        return texts

    def held(texts):
        found = {name: "".join(some) for name, some in texts.items()}
        for path in pathlib.Path().glob("*.log"):
            found[path.name] = path.read_bytes().decode("utf-16" if path.name == "encoded.log" else "utf-8")
        return found

    # That the sinks are of different kinds, and that what is compared has something to compare.
    SIGNS = {
        "back.log": "ABOVE", "diagnose.log": "'********'", "colored.log": "\x1b[", "plain.log": "\\x1b[",
        "clean.log": "\x1b[31mcontrols", "named.log": "heard", "high.log": "LOUD",
    }
    COLOR = r"(?:\x1b\[[0-9;]*m)*"

    def alike(text):
        text = re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\.\d+ ?[+-]\d\d:?\d\d", "TIME", text)
        text = re.sub(r"^(\x1b\[32m)\d\d:\d\d:\d\d(\x1b\[0m\|)", r"\1TIME\2", text, flags=re.MULTILINE)
        text = re.sub(r"\|\d:\d\d:\d\d(\.\d+)?\|", "|ELAPSED|", text)
        text = re.sub(r"0x[0-9a-f]+", "ADDRESS", text)
        text = re.sub(r"process '[^']*' \(\d+\), thread '[^']*' \(\d+\)", "PROCESS", text)
        # The frames above: of a program, or of a worker's start. The outermost of ours is that of `use`.
        above = rf"(Traceback{COLOR} (?:(?!Traceback).)*?)(?=^[^\n]*features\.py[^\n]*, in {COLOR}use{COLOR}$)"
        return re.sub(above, "ABOVE\n", text, flags=re.MULTILINE | re.DOTALL)

    def of_json(line):
        value = json.loads(line)
        value["text"] = alike(value["text"])
        if "record" in value:
            for key in ("process", "time", "elapsed"):
                assert value["record"].pop(key)
            assert value["record"]["thread"].pop("id")
        return alike(json.dumps(value, sort_keys=True))

    def lines_of(name, text):
        if "json" in name or name == "records":
            return [of_json(line) for line in text.splitlines()]
        return alike(text).split("\n")

    async def main():
        library, method, kind = sys.argv[1:]
        multiprocessing = importlib.import_module(library)
        patcher, odd = features.configured_patcher, kind == "function"
        if kind == "closure":
            inner = patcher
            patcher = lambda record: inner(record)
        logger.remove()
        logger.level("LOUD", no=34, color="<RED><u>", icon="\N{BELL}")
        texts = add_handlers(asyncio.get_running_loop())
        logger.configure(
            levels=[{"name": "NOTE", "no": 22, "color": "<m><b>", "icon": "N"}],
            extra={"app": "demo", "pair": (1, 2), "length": None},
            patcher=patcher,
            activation=[("quiet", False)],
        )
        features.use(odd)
        await logger.complete()
        first = held(texts)
        process = multiprocessing.get_context(method).Process(target=features.work, args=(odd,))
        process.start()
        await asyncio.get_running_loop().run_in_executor(None, process.join)
        assert process.exitcode == 0
        await logger.complete()
        both = held(texts)
        assert len(first) == 23, sorted(first)
        wrong = []
        for name, text in first.items():
            assert both[name].startswith(text), name
            owner, worker = lines_of(name, text), lines_of(name, both[name][len(text):].lstrip("\ufeff"))
            assert len(owner) >= (3 if name in ("named.log", "modules.log") else 60), (name, len(owner))
            if owner != worker:
                at = next((n for n, pair in enumerate(zip(owner, worker)) if len(set(pair)) > 1), len(worker))
                shown = [f"== {name}, {len(owner)} and {len(worker)} lines, from {at}:"]
                wrong += [*shown, *(f"-{line}" for line in owner[at:][:3]), *(f"+{line}" for line in worker[at:][:3])]
            assert "hunter2" not in text + both[name], name
        for name, sign in SIGNS.items():
            assert sign in alike(both[name]), name
        with open("seen.txt", "w") as file:
            file.write("\n".join(wrong))
        logger.remove()
        sys.exit(bool(wrong))

    if __name__ == "__main__":
        faulthandler.dump_traceback_later(95)  # later than any machine that is only busy
        asyncio.run(main())
        faulthandler.cancel_dump_traceback_later()
"""


@pytest.mark.parametrize("patcher", ["function", "closure"])
@pytest.mark.parametrize(
    ("library", "method"),
    [
        ("multiprocessing", "fork"),
        ("multiprocessing", "spawn"),
        ("multiprocessing", "forkserver"),
        ("multiprocess", "fork"),
        ("multiprocess", "spawn"),
    ],
)
def test_a_worker_writes_what_its_owner_would(program: Program, library: str, method: str, patcher: str) -> None:
    """In 23 sinks of all kinds, with a configured patcher that travels to the worker, and with one that cannot."""
    program.script(FEATURES, "features.py")
    program.script(QUIET, "quiet.py")
    ended = program.start(PROGRAM, library, method, patcher).wait()
    seen = ended.here / "seen.txt"
    assert seen.exists(), ended.said
    assert ended.status == 0, f"{ended.said}\n{seen.read_text()}"
    assert not ended.said
    program.leaves_nothing()
