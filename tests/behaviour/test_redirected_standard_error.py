"""What a sink writes and standard `logging` brings back is not logged again, so one call is one line."""

from __future__ import annotations

import pytest
from programs import Program

PROXIES = {
    "as Celery does": "log(text.rstrip())",
    "with the line end": "log(text)",
    "line by line": "[log(line) for line in text.splitlines()]",
    "with a prefix": "log('[stderr] ' + text.strip())",
    "as an argument": "logging.getLogger('redirected').warning('%s', text.strip())",
}

PROGRAM = """
    import logging, sys, threading
    from mplog import logger
    from mplog.integrations.standard import intercept

    kind, how, guarded = sys.argv[1:]
    real = sys.stderr

    def log(text):
        logging.getLogger("redirected").warning(text)

    class Proxy:
        guard = threading.local()

        def write(self, text):
            if getattr(self.guard, "on", False):
                return
            self.guard.on = guarded == "guarded"
            try:
                exec(how)
            finally:
                self.guard.on = False

        def flush(self):
            pass

    logger.remove()
    intercept(level="INFO")
    sys.stderr = proxy = Proxy()
    logger.add("app.log", format="{message}")
    sink = proxy if kind != "function" else lambda message: proxy.write(message)
    logger.add(sink, format="S {message}", enqueue=kind == "enqueue")
    for number in range(5):
        logger.info("one line, number {}", number)
    logger.complete()
    logging.getLogger("another").warning("of another")
    logger.complete()
    sys.stderr = real
"""


@pytest.mark.parametrize("guarded", ["guarded", "bare"])
@pytest.mark.parametrize("kind", ["direct", "enqueue", "function"])
@pytest.mark.parametrize("proxy", PROXIES)
def test_one_call_is_one_line(program: Program, proxy: str, kind: str, guarded: str) -> None:
    """Whatever the proxy makes of the text, and whichever thread writes; other records of logging are taken."""
    ended = program.run(PROGRAM, kind, PROXIES[proxy], guarded)
    lines = [line for line in ended.log() if " process " not in line]
    assert lines == [*(f"one line, number {number}" for number in range(5)), "of another"]


ALTERED = {
    "as its repr": "log(repr(text))",
    "in pieces": "for at in range(0, len(text), 7): log(text[at : at + 7])",
    "with other letters": "log(text.swapcase().replace(' ', '  '))",
}


@pytest.mark.parametrize("kind", ["direct", "enqueue"])
@pytest.mark.parametrize("proxy", ALTERED)
def test_a_stream_that_alters_the_text(program: Program, proxy: str, kind: str) -> None:
    """What stands in the place of standard error is known by that, whatever it makes of what is written to it."""
    ended = program.run(PROGRAM, kind, ALTERED[proxy], "bare")
    lines = [line for line in ended.log() if " process " not in line]
    assert lines == [*(f"one line, number {number}" for number in range(5)), "of another"]


def test_a_queue_between_handler_and_listener(program: Program) -> None:
    """A standard queue handler as sink, whose listener's records are intercepted: no turn, though the text is plain."""
    ended = program.run(
        """
        import logging, logging.handlers, queue
        from mplog import logger
        from mplog.integrations.standard import InterceptHandler

        logger.remove()
        logger.add("app.log", format="{message}")
        between = queue.Queue()
        logger.add(logging.handlers.QueueHandler(between), format="Q {message}")
        listener = logging.handlers.QueueListener(between, InterceptHandler())
        listener.start()
        for number in range(5):
            logger.info("number {}", number)
        while not between.empty():
            pass
        listener.stop()
        """
    )
    assert ended.log() == [f"number {number}" for number in range(5)]


def test_what_a_sink_has_to_say_itself(program: Program) -> None:
    """A record of logging from inside a sink that does not repeat the message is logged."""
    ended = program.run(
        """
        import logging
        from mplog import logger
        from mplog.integrations.standard import intercept

        logger.remove()
        intercept(level="INFO")
        logger.add("app.log", format="{message}")

        def send(message):
            if "sent" not in message:
                logging.getLogger("client").info("sent %d characters", len(message))

        logger.add(send, format="{message}")
        logger.info("text")
        """
    )
    assert ended.log() == ["text", "sent 5 characters"]
