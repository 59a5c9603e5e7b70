"""mplog's files for programs that keep `logging`, by its configuration."""

from __future__ import annotations

import logging

import pytest
from programs import Program

from mplog.integrations import standard

CONFIGURED = """
import logging, logging.config, multiprocessing

CONFIG = {
    "version": 1,
    "handlers": {
        "file": {
            "class": "mplog.integrations.standard.Handler",
            "level": "INFO",
            "sink": "app.log",
            "rotation": "10 KB",
            "format": "{level} {name} {message} {extra}",
        }
    },
    "root": {"handlers": ["file"], "level": "DEBUG"},
}
logging.config.dictConfig(CONFIG)

def work(number):
    logging.getLogger("worker").info("line %d", number, extra={"number": number})

if __name__ == "__main__":
    logging.config.dictConfig(CONFIG)
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        pool.map(work, range(500))
    logging.debug("too low")
    logging.warning("end")
"""

LATE = """
import logging, logging.config, multiprocessing, sys

CONFIG = {
    "version": 1,
    "handlers": {
        "file": {"class": "mplog.integrations.standard.Handler", "sink": "app.log", "format": "{message}"}
    },
    "root": {"handlers": ["file"], "level": "INFO"},
}

def work(number):
    if number:
        logging.warning("early %d", number)
    logging.config.dictConfig(CONFIG)
    logging.info("late %d", number)

if __name__ == "__main__":
    logging.config.dictConfig(CONFIG)
    context = multiprocessing.get_context(sys.argv[1])
    children = [context.Process(target=work, args=(number,)) for number in range(2)]
    for child in children:
        child.start()
    for child in children:
        child.join()
"""

LEVELS = """
import logging, logging.config
from mplog import logger

HANDLER = {"class": "mplog.integrations.standard.Handler", "format": "{level} {message}"}
CONFIG = {
    "version": 1,
    "handlers": {
        "all": {**HANDLER, "level": "DEBUG", "sink": "all.log"},
        "errors": {**HANDLER, "level": "ERROR", "sink": "errors.log"},
    },
    "root": {"handlers": ["all", "errors"], "level": "INFO"},
}
for _ in range(2):
    logging.config.dictConfig(CONFIG)
logging.debug("lowest")
logging.info("low")
logging.error("high")
logger.remove()
new = {**HANDLER, "sink": "new.log", "format": "{extra} {message}"}
logging.config.dictConfig({**CONFIG, "handlers": {"all": new}, "root": {"handlers": ["all"]}})
logging.error("new")
"""


class TestHandlerOfAConfiguration:
    def test_a_program_that_knows_logging_alone(self, program: Program) -> None:
        """All of its processes write one rotating file, each line once, whatever is configured how often."""
        ended = program.run(CONFIGURED)
        assert sorted(ended.log()) == sorted(
            [*(f"INFO worker line {n} {{'number': {n}}}" for n in range(500)), "WARNING root end {}"]
        )
        assert len(list(ended.here.glob("app*.log"))) > 1

    @pytest.mark.parametrize("method", ["fork", "spawn"])
    def test_children_that_configure_late(self, program: Program, method: str) -> None:
        """In functions, where they write their parent's file already: it is the same, and each line once."""
        ended = program.run(LATE, method, silent=method == "fork")
        lines = [line for line in ended.log() if line.startswith("late")]
        assert sorted(lines) == ["late 0", "late 1"]
        assert "again" not in ended.said

    def test_handlers_for_different_levels(self, program: Program) -> None:
        """Each record is once in each file that takes its level; one that is configured anew has no old ones."""
        ended = program.run(LEVELS)
        assert (ended.here / "all.log").read_text().splitlines() == ["INFO low", "ERROR high"]
        assert (ended.here / "errors.log").read_text().splitlines() == ["ERROR high"]
        assert (ended.here / "new.log").read_text().splitlines() == ["{} new"]

    def test_a_formatter(self) -> None:
        """It would change nothing."""
        with pytest.raises(TypeError, match="has no formatter"):
            standard.Handler().setFormatter(logging.Formatter())

    def test_options_without_a_sink(self) -> None:
        """They would be lost."""
        with pytest.raises(TypeError, match=r"got 'rotation'. Give it a `sink`"):
            standard.Handler(rotation="1 MB")

    def test_wrong_options(self) -> None:
        """As `logger.add` says it."""
        with pytest.raises(TypeError, match="wrong"):
            standard.Handler(sink=print, wrong=1)
