"""Records have the ids of OpenTelemetry's active span, and nothing is imported where a program does not trace."""

from __future__ import annotations

import pytest
from programs import Program

FIRST = {
    "mplog": "from mplog import logger\nfrom opentelemetry import trace",
    "tracing": "from opentelemetry import trace\nfrom mplog import logger",
}

PROGRAM = """
import json, multiprocessing
IMPORTS
from opentelemetry.sdk.trace import TracerProvider

logger.remove()
logger.configure(extra={"trace_id": "-", "span_id": "-"})
logger.add("app.log", format="{extra[trace_id]} {extra[span_id]} {message}")
logger.add("json.log", serialize=True)
trace.set_tracer_provider(TracerProvider())
tracer = trace.get_tracer("test")

def note(span, text):
    found = span.get_span_context()
    with open(f"ids-{multiprocessing.current_process().pid}.txt", "a") as file:
        file.write(f"{trace.format_trace_id(found.trace_id)} {trace.format_span_id(found.span_id)} {text}\\n")

def work(number):
    with tracer.start_as_current_span("job") as span:
        logger.info("job {}", number)
        note(span, f"job {number}")

if __name__ == "__main__":
    logger.info("before")
    with tracer.start_as_current_span("outer") as outer:
        for _ in range(3):  # also when the call site is known
            logger.info("outer")
            note(outer, "outer")
        with tracer.start_as_current_span("inner") as inner:
            logger.info("inner")
            note(inner, "inner")
            logger.bind(trace_id="mine").info("bound")
            with logger.contextualize(span_id="mine"):
                logger.info("context")
    logger.info("after")
    with multiprocessing.get_context(METHOD).Pool(2) as pool:
        pool.map(work, range(4))
"""


@pytest.mark.parametrize(("first", "method"), [("mplog", "fork"), ("tracing", "spawn")])
def test_ids_of_the_active_span_are_on_each_record(program: Program, first: str, method: str) -> None:
    """Whichever is imported first; also in workers; what the program binds goes before."""
    ended = program.run(PROGRAM.replace("IMPORTS", FIRST[first]).replace("METHOD", repr(method)), warnings="ignore")

    lines = ended.log()
    noted = [line for path in ended.here.glob("ids-*.txt") for line in path.read_text().splitlines()]
    assert len(noted) == 8
    outer_trace = next(line for line in noted if line.endswith("outer")).split()[0]
    inner_span = next(line for line in noted if line.endswith("inner")).split()[1]
    expected = [*noted, "- - before", "- - after", f"mine {inner_span} bound", f"{outer_trace} mine context"]
    assert sorted(lines) == sorted(expected)
    assert f'"trace_id": "{outer_trace}"' in "".join(ended.log("json.log"))


def test_nothing_is_imported(program: Program) -> None:
    """A program that does not trace has no part of the library."""
    program.run(
        """
        import sys
        from mplog import logger

        logger.remove()
        logger.add("app.log", serialize=True)
        logger.info("one")
        assert not [name for name in sys.modules if name.startswith("opentelemetry")]
        """
    )


def test_a_tracer_that_raises_takes_no_record_away(program: Program) -> None:
    """The record comes without ids."""
    ended = program.run(
        """
        from opentelemetry import context, trace
        from mplog import logger

        class Broken(trace.NonRecordingSpan):
            def get_span_context(self):
                raise RuntimeError("broken")

        logger.remove()
        logger.add("app.log", format="{message} {extra}")
        with trace.use_span(Broken(None)):
            logger.info("one")
        """,
        warnings="ignore",
    )
    assert ended.log() == ["one {}"]
