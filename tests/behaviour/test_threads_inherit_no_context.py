"""The threads of mplog have no context: where threads inherit one, sinks do not log values of whoever started them."""

from __future__ import annotations

import sys

import pytest
from programs import Program

pytestmark = pytest.mark.skipif(
    not hasattr(sys.flags, "thread_inherit_context"), reason="in this Python no thread inherits a context"
)
INHERIT = {"PYTHON_THREAD_INHERIT_CONTEXT": "1"}

THREADS = """
    import contextvars, gc, multiprocessing, sys, weakref
    from mplog import logger

    class Request:
        pass

    current = contextvars.ContextVar("current")

    def work():
        logger.info("of a worker")

    def sink(message):
        logger.debug("by a sink")

    def handle(how):
        request = Request()
        current.set(request)
        with logger.contextualize(request=1):
            logger.add(sink, level="INFO", filter=lambda record: record["level"].name == "INFO")
            logger.add("queued.log", format="{message}", enqueue=True, rotation="1 B", compression="gz")
            process = multiprocessing.get_context(how).Process(target=work)
            process.start()
            process.join()
            logger.complete()
        return weakref.ref(request)

    if __name__ == "__main__":
        assert sys.flags.thread_inherit_context
        logger.remove()
        logger.add("app.log", format="{extra} {message}")
        request = contextvars.copy_context().run(handle, sys.argv[1])
        gc.collect()
        assert request() is None, gc.get_referrers(request())
"""


@pytest.mark.parametrize("how", ["fork", "spawn"])
def test_threads_of_a_session(program: Program, how: str) -> None:
    """A session that was made inside of a request keeps nothing of it, and what its sinks log bears nothing of it."""
    ended = program.run(THREADS, how, environment=INHERIT)
    lines = ended.log()
    assert "{} by a sink" in lines, lines
    assert not [line for line in lines if line.endswith("by a sink") and line != "{} by a sink"], lines
