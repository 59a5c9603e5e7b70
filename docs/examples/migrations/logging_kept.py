"""Weighs parcels in processes. The calls are kept, the file is mplog's."""

import logging
import logging.config
import multiprocessing
import sys

LOGGING = {
    "version": 1,
    "handlers": {
        "file": {
            "class": "mplog.integrations.standard.Handler",
            "sink": "parcels.log",
            "rotation": 1_000_000,
            "retention": 5,
            "backtrace": False,
            "format": "{level} {name} {process.name} {extra[parcel]} {message}",
        },
    },
    "loggers": {"scales": {"level": "WARNING"}},
    "root": {"level": "INFO", "handlers": ["file"]},
}

# At the top: a child that is spawned comes by.
logging.config.dictConfig(LOGGING)


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
    with context.Pool(2) as pool:
        pool.map(weigh, range(5))
    logging.getLogger("parcels").info("all weighed", extra={"parcel": "-"})
