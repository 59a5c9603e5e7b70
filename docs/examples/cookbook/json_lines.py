import json

from mplog import logger


def as_line(record):
    line = {
        "time": record["time"].isoformat(),
        "level": record["level"].name.lower(),
        "process": record["process"].id,
        "message": record["message"],
        **{key: value for key, value in record["extra"].items() if key != "_line"},
    }
    if record["exception"]:
        line["error"] = repr(record["exception"].value)
    record["extra"]["_line"] = json.dumps(line, default=str)
    return "{extra[_line]}\n"


logger.remove()
logger.add("app.log", format=as_line)

logger.info("sold {} tickets", 3, customer="alice", price=17.5)
try:
    price = 17.5 / 0
except ZeroDivisionError:
    logger.bind(customer="bob").exception("could not sell")
