import re

from mplog import logger

CARD = re.compile(r"\b\d{4}([ -]?)\d{4}\1\d{4}\1(\d{4})\b")
SECRET = re.compile(r"password|token|secret|authorization", re.IGNORECASE)


def redact(record):
    record["message"] = CARD.sub(r"**** **** **** \2", record["message"])
    for key in record["extra"]:
        if SECRET.search(key):
            record["extra"][key] = "***"


logger.remove()
logger.configure(patcher=redact)
logger.add("app.log", format="{message} {extra}")

logger.info("paid with {}", "4000 1234 5678 9010")
logger.info("logged in", user="alice", api_token="b1946ac9")
