# journal.py
import sys

from mplog import logger

PRIORITIES = {"CRITICAL": 2, "ERROR": 3, "WARNING": 4, "SUCCESS": 5, "INFO": 6, "DEBUG": 7, "TRACE": 7}


def for_the_journal(record):
    # A backslash, because mplog takes what stands in angle brackets for a colour.
    return rf"\<{PRIORITIES.get(record['level'].name, 6)}>" + "{name}: {message}\n{exception}"


logger.remove()
logger.add(sys.stdout, format=for_the_journal)

logger.info("ready")
logger.error("no such order")
