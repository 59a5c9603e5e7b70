import traceback

from mplog import logger


def on_one_line(record):
    if record["exception"] is None:
        return "{level} {message}\n"
    type_, value, trace = record["exception"]
    steps = [f"{step.name}:{step.lineno}" for step in traceback.extract_tb(trace)]
    record["extra"]["error"] = f"{type_.__name__}: {value} in {' > '.join(steps)}"
    return "{level} {message} | {extra[error]}\n"


logger.remove()
logger.add("app.log", format=on_one_line)


def share(cake, guests):
    return cake / guests


logger.info("the guests are here")
try:
    share(1, 0)
except ZeroDivisionError:
    logger.exception("no cake")
