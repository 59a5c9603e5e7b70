import sys

from mplog import logger


def by_duration(record):
    seconds = record["extra"].get("seconds")
    if seconds is None:
        return "{message}\n{exception}"
    colour = "red" if seconds > 1 else "yellow" if seconds > 0.1 else "green"
    return f"{{message}} <{colour}>{{extra[seconds]:.2f}} s</{colour}>\n{{exception}}"


logger.remove()
logger.add(sys.stdout, format=by_duration, colorize=True)

logger.info("starting")
logger.info("query", seconds=0.02)
logger.info("report", seconds=12.5)
