import sys

from mplog import logger


def without_traceback(record):
    if record["exception"]:
        type_, value, _ = record["exception"]
        record["extra"]["error"] = f"{type_.__name__}: {value}"
        return "{message} ({extra[error]})\n"
    return "{message}\n"


logger.remove()
logger.add(sys.stdout, format=without_traceback)
logger.add("errors.log", format="{message}", backtrace=False, diagnose=False)

try:
    {}["name"]
except KeyError:
    logger.exception("an entry is missing")
