"""The options of the queues: checked at once, from the environment too, followed by workers.

Covers beyond.md, row 15.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
from programs import Program

from mplog import QueueOptions, logger

BAD = [
    ("ring_size", 1000, ValueError, "from 16384"),
    ("ring_size", 20000, ValueError, "16384 and 32768"),
    ("ring_size", 16384.0, TypeError, "integer"),
    ("ring_size", True, TypeError, "integer"),
    ("overflow", "spill", ValueError, "grow, block, drop"),
    ("overflow", None, TypeError, "string"),
    ("block_timeout", -1, ValueError, "from 0 to 3600 seconds"),
    ("block_timeout", None, ValueError, "overflow='block'"),
    ("block_timeout", "1", TypeError, "number"),
    ("further_rings", -1, ValueError, "from 0 to 1000"),
    ("reserve", 1.0, ValueError, "from 0 to 0.9"),
    ("order_window", float("nan"), ValueError, "seconds"),
    ("shutdown_timeout", "soon", TypeError, "number"),
    ("runtime_directory", 3, TypeError, "path"),
    ("runtime_directory", "", ValueError, "directory"),
]

FOLLOWED = """
    import os, multiprocessing
    from mplog import QueueOptions, logger

    def work():
        logger.info("first")
        (link,) = logger._core.sessions.links.values()
        with open("size.txt", "w") as file:
            file.write(f"{link.ring.capacity} {logger._core.queue_options().overflow}")

    if __name__ == "__main__":
        logger.remove()
        logger.add("app.log", format="{message}")
        logger.configure(queue=QueueOptions(ring_size=32768, overflow="drop"))
        process = multiprocessing.get_context("START").Process(target=work)
        process.start()
        process.join()
"""

ELSEWHERE = """
    import os
    from mplog import QueueOptions, logger

    logger.remove()
    logger.configure(queue=QueueOptions(runtime_directory="there.log"))
    logger.add("app.log", format="{message}", enqueue=True)
    logger.info("hello")
    with open("found.txt", "w") as file:
        file.write(repr(os.listdir("there.log")))
    try:
        logger.configure(queue=QueueOptions(runtime_directory="other"))
    except ValueError as error:
        assert "already" in str(error), error
    else:
        raise AssertionError("the directory of a session that runs was changed")
"""

ENVIRONMENT = {
    "MPLOG_RING_SIZE": "65536",
    "MPLOG_OVERFLOW": "block",
    "MPLOG_BLOCK_TIMEOUT": "forever",
    "MPLOG_FURTHER_RINGS": "3",
    "MPLOG_RESERVE": "0.5",
    "MPLOG_ORDER_WINDOW": "0.01",
    "MPLOG_SHUTDOWN_TIMEOUT": "2",
}


@pytest.mark.parametrize(("name", "value", "error", "text"), BAD)
def test_bad_values_raise_at_once(name: str, value: Any, error: type[Exception], text: str) -> None:
    """The text names the option, what was given and what is allowed."""
    with pytest.raises(error, match=text) as raised:
        QueueOptions(**{name: value})
    assert name in str(raised.value)


def test_it_cannot_be_changed_and_travels() -> None:
    """A frozen value, equal to its copy in another process."""
    options = QueueOptions(ring_size=65536)
    with pytest.raises(AttributeError):
        options.ring_size = 1  # type: ignore[misc]  # that is the test
    assert pickle.loads(pickle.dumps(options)) == options


def test_configure_takes_nothing_else() -> None:
    """A dictionary is no QueueOptions."""
    with pytest.raises(TypeError, match="QueueOptions"):
        logger.configure(queue={"ring_size": 65536})  # type: ignore[arg-type]  # that is the test


def test_the_environment_sets_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each field but the directory, which has a variable of its own; what is given goes before it."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    assert QueueOptions() == QueueOptions(
        ring_size=65536,
        overflow="block",
        block_timeout=None,
        further_rings=3,
        reserve=0.5,
        order_window=0.01,
        shutdown_timeout=2.0,
    )
    assert QueueOptions(ring_size=16384).ring_size == 16384


@pytest.mark.parametrize(
    ("variable", "value"), [("MPLOG_RING_SIZE", "big"), ("MPLOG_RING_SIZE", "7"), ("MPLOG_OVERFLOW", "never")]
)
def test_a_bad_variable_stops_the_import(program: Program, variable: str, value: str) -> None:
    """The text names the variable."""
    ended = program.run("import mplog", status=1, silent=False, environment={variable: value})
    assert variable in ended.said
    assert "ValueError" in ended.said


@pytest.mark.parametrize("start", ["fork", "spawn", "forkserver"])
def test_workers_follow(program: Program, start: str) -> None:
    """A worker's ring has the size, and its calls the policy, that the owner configured."""
    ended = program.run(FOLLOWED.replace("START", start))
    assert ended.log() == ["first"]
    assert (ended.here / "size.txt").read_text() == "32768 drop"


def test_the_runtime_directory(program: Program) -> None:
    """The option goes before the variable, and is fixed while a session runs."""
    ended = program.run(ELSEWHERE)
    assert "mplog-" in (ended.here / "found.txt").read_text()
    assert ended.log("app.log") == ["hello"]
    assert not list(Path(ended.here / "there.log").iterdir())
