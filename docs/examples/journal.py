# journal.py
import sys

from mplog import logger

PRIORITIES = {"CRITICAL": 2, "ERROR": 3, "WARNING": 4, "SUCCESS": 5, "DEBUG": 7, "TRACE": 7}


def for_the_journal(record):
    priority = PRIORITIES.get(record["level"].name, 6)
    # A backslash, for what stands in angle brackets is a colour.
    return rf"\<{priority}>" + "{name}: {message}\n{exception}"


logger.remove()
logger.add(sys.stdout, format=for_the_journal)

logger.info("ready")
logger.error("no such order")
