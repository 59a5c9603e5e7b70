import logging.handlers
import sys

from mplog import logger

mail = logging.handlers.SMTPHandler(
    mailhost=("127.0.0.1", int(sys.argv[1])),
    fromaddr="shop@example.org",
    toaddrs=["operator@example.org"],
    subject="The shop needs you",
    timeout=5,
)
logger.remove()
logger.add(mail, level="CRITICAL", format="{time} {message}", enqueue=True)

logger.critical("the shop is closed")
