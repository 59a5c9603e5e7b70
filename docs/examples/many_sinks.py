import sys

from mplog import logger


def collect(message):
    record = message.record
    print(f"collected: {record['level'].name} from line {record['line']}: {record['message']}")


def is_slow(record):
    return record["extra"].get("seconds", 0) > 1


logger.remove()
logger.add("everything.log", level="TRACE")
logger.add("slow.log", format="{message} took {extra[seconds]} s", filter=is_slow)
logger.add(sys.stdout, level="WARNING", format="{level.name}: {message}")
handler = logger.add(collect, level="ERROR")

logger.info("query", seconds=0.2)
logger.info("report", seconds=12)
logger.error("no answer")
logger.remove(handler)
logger.error("no answer again")
