"""Weighs parcels in processes. Migrated to mplog."""

import multiprocessing
import sys

from mplog import logger
from mplog.integrations.standard import intercept

logger.remove()
logger.configure(extra={"parcel": "-"})
logger.add(
    "parcels.log",
    level="INFO",
    rotation=1_000_000,
    retention=5,
    backtrace=False,
    filter={"scales": "WARNING"},
    format="{level} {name} {process.name} {extra[parcel]} {message}",
)
intercept()  # for what libraries log


def weigh(parcel):
    with logger.contextualize(parcel=parcel):
        try:
            logger.info("{} grams", 100 // (3 - parcel))
        except ZeroDivisionError:
            logger.exception("cannot weigh it")


if __name__ == "__main__":
    method = sys.argv[1] if len(sys.argv) > 1 else "fork"
    context = multiprocessing.get_context(method)
    with context.Pool(2) as pool:
        pool.map(weigh, range(5))
    logger.info("all weighed")
