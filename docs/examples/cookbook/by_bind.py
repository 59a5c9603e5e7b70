from mplog import logger


def for_audit(record):
    return record["extra"].get("log") == "audit"


logger.remove()
logger.add("audit.log", format="{message}", filter=for_audit)
logger.add("app.log", format="{message}", filter=lambda record: not for_audit(record))
audit = logger.bind(log="audit")

logger.info("a page was shown")
audit.info("alice has changed her password")
