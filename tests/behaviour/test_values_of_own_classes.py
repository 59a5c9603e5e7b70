"""A text or a number may be of a class of the program's own, such as an `IntEnum`, wherever one is meant.

Workers may not have the class, or not yet; so it is a plain one that travels.
"""

from __future__ import annotations

import pytest
from programs import Program

OWN = """
    import enum, multiprocessing, os, sys
    from mplog import QueueOptions, logger

    def work(n):
        logger.info("job {}", n)
        logger.log("AUDIT", "told {}", n)
        logger.log(logger.level("AUDIT").no, "numbered {}", n)

    if __name__ == "__main__":
        class Text(str):  # Not where a worker finds it: it imports this file under another name.
            pass

        class Number(enum.IntEnum):
            LOW, ONE, FIVE, MODE, SIZE, AUDIT = 2, 1, 5, 0o640, 16384, 33

        class Share(float):
            pass

        what = sys.argv[2]
        logger.remove()
        options = {"format": "{level.no} {message}"}
        if what == "options":
            options = {"level": Number.LOW, "format": Text("{level.no} {message}"), "filter": {Text(""): Number.LOW}}
        elif what == "a filter":
            options["filter"] = Text("")
        elif what == "options of files":
            options |= dict(encoding=Text("utf8"), errors=Text("replace"), newline=Text(""), mode=Text("a"),
                            buffering=Number.ONE, permissions=Number.MODE, retention=Number.FIVE,
                            rotation=[Text("1 GB"), Number.SIZE], compression=Text("gz"))
        if what == "a stream":
            class Stream:
                name, encoding = Text("mine"), Text("utf8")

                def write(self, message):
                    pass

            class Function:
                def __call__(self, message):
                    pass

                def __repr__(self):
                    return Text("mine")

            logger.add(Stream())
            logger.add(Function())
        logger.add(Text(os.path.abspath("app.log")) if what == "a path" else "app.log", **options)
        audit = (Text("AUDIT"), Number.AUDIT, Text("<red>"), Text("!"))
        logger.level(*audit if what == "a level" else ("AUDIT", 33))
        if what == "a module's name":
            logger.disable(Text("nobody"))
        if what == "queues":
            logger.configure(queue=QueueOptions(ring_size=Number.SIZE, reserve=Share(0.25), overflow=Text("grow")))
        worker = multiprocessing.get_context(sys.argv[1]).Process(target=work, args=(1,))
        worker.start()
        worker.join()
        assert worker.exitcode == 0
"""


@pytest.mark.parametrize("method", ["spawn", "fork"])
@pytest.mark.parametrize(
    "what", ["options", "a filter", "options of files", "a path", "a stream", "a level", "a module's name", "queues"]
)
def test_workers_deliver(program: Program, what: str, method: str) -> None:
    """The start of a worker does not raise, and its records are there."""
    ended = program.run(OWN, method, what)
    assert ended.log() == ["20 job 1", "33 told 1", "33 numbered 1"]


KEYS = """
    import enum, multiprocessing, sys
    from mplog import logger

    def work():
        logger.info("{}", 1)

    if __name__ == "__main__":
        class Key(str, enum.Enum):
            USER = "user"

        class Other(enum.Enum):
            ONE = 1

        logger.remove()
        logger.add("app.log", format="{extra[user]} {message} {extra}")
        logger.configure(extra={Key.USER: "me", 5: 6, (1, "x"): None, Other.ONE: 7})
        worker = multiprocessing.get_context(sys.argv[1]).Process(target=work)
        worker.start()
        worker.join()
"""


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_keys_of_extra(program: Program, method: str) -> None:
    """What a worker cannot have as a key is shown there; the others are what they are."""
    one = "<Other.ONE: 1>"
    assert program.run(KEYS, method).log() == [f"me 1 {{'user': 'me', 5: 6, (1, 'x'): None, {one}: 7}}"]


LEVELS = """
    import logging, os
    from mplog import logger
    from mplog.integrations.standard import intercept

    class Number(int):
        __lt__ = __ge__ = __gt__ = __index__ = __int__ = None

    def of_a_class(record):
        record["level"].no = Number(44)

    def work():
        for _ in range(2):
            logger.log("HIGHEST", "by name")
        logger.log(10**12, "by number")
        logger.patch(of_a_class).info("patched")
        with intercept():
            logging.getLogger().handle(logging.makeLogRecord({"msg": "standard", "levelno": 2**70}))

    logger.remove()
    logger.level("HIGHEST", no=2**40)
    logger.add("app.log", format="{level.no} {message}")
    logger.add("data.log", format=lambda record: "{level.no} {message}\\n")
    work()
    child = os.fork()
    if not child:
        work()
        os._exit(0)
    os.waitpid(child, 0)
    logger.complete()
    found = logger.statistics()
    assert (found.written, found.failed) == (20, 0), found
"""


def test_numbers_of_levels_that_no_ring_has(program: Program) -> None:
    """A level may have any number, given by a call, a patcher or a standard record; workers deliver it, too."""
    ended = program.run(LEVELS)
    lines = [f"{2**40} by name"] * 2 + [f"{10**12} by number", "44 patched", f"{2**70} standard"]
    assert ended.log() == ended.log("data.log") == 2 * lines
