"""One worker process of the demo: takes file names from its pipe, tokenises the files, logs what it found.

Nothing about logging is passed to it and it configures nothing: it imports the logger and calls it.
"""

from __future__ import annotations

from multiprocessing.connection import Connection
from pathlib import Path

from mplog import logger
from mplog.cli._ledger import Ledger
from mplog.cli.demo import sources


def work(ledger_path: str, slot_number: int, tasks: Connection) -> None:
    """Work off one pipe until None comes through it, or until its other end is gone."""
    with Ledger(Path(ledger_path)) as ledger:
        slot = ledger.slot(slot_number)
        slot.begin()
        while (path := _next_task(tasks)) is not None:
            figures = sources.survey(path)
            for definition in figures.definitions:
                line = slot.before(f"{figures.name} defines {definition}")
                logger.debug(line)
                slot.after()
            if figures.problem:
                line = slot.before(f"{figures.name} stops making sense: {figures.problem}")
                logger.warning(line)
                slot.after()
            line = slot.before(figures.summary())
            logger.info(line)
            slot.after()
            tasks.send(path)
        slot.finish()


def _next_task(tasks: Connection) -> str | None:
    try:
        path: str | None = tasks.recv()
    except EOFError:
        return None
    return path
