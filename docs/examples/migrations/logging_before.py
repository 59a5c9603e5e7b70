"""Weighs parcels in processes. Written for the standard library."""

import logging
import logging.config
import logging.handlers
import multiprocessing
import sys

LOGGING = {
    "version": 1,
    "formatters": {
        "plain": {"format": "%(levelname)s %(name)s %(processName)s %(parcel)s %(message)s"},
    },
    "filters": {"parcel": {"()": "__main__.WithParcel"}},
    "handlers": {
        "file": {
            "class": "logging.handlers.RotatingFileHandler",
            "filename": "parcels.log",
            "maxBytes": 1_000_000,
            "backupCount": 5,
            "formatter": "plain",
            "filters": ["parcel"],
        },
    },
    "loggers": {"scales": {"level": "WARNING"}},
    "root": {"level": "INFO", "handlers": ["file"]},
}


class WithParcel(logging.Filter):
    """Gives other records the field that the format asks for."""

    def filter(self, record):
        record.parcel = getattr(record, "parcel", "-")
        return True


def start(queue):
    """Runs first in each child."""
    root = logging.getLogger()
    root.handlers[:] = [logging.handlers.QueueHandler(queue)]
    root.setLevel(logging.INFO)
    logging.getLogger("scales").setLevel(logging.WARNING)


def weigh(parcel):
    log = logging.LoggerAdapter(logging.getLogger("parcels"), {"parcel": parcel})
    logging.getLogger("scales").info("not of interest")
    try:
        log.info("%d grams", 100 // (3 - parcel))
    except ZeroDivisionError:
        log.exception("cannot weigh it")


if __name__ == "__main__":
    method = sys.argv[1] if len(sys.argv) > 1 else "fork"
    context = multiprocessing.get_context(method)
    logging.config.dictConfig(LOGGING)
    queue = context.Queue()
    handlers = logging.getLogger().handlers
    listener = logging.handlers.QueueListener(queue, *handlers)
    listener.start()
    with context.Pool(2, initializer=start, initargs=(queue,)) as pool:
        pool.map(weigh, range(5))
        pool.close()
        pool.join()  # else what is left in the queue may be lost
    listener.stop()
    logging.getLogger("parcels").info("all weighed")
