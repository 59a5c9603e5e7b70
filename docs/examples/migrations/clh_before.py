"""Serves requests in processes. Written for concurrent-log-handler."""

import logging
import logging.config
import multiprocessing
import sys

import concurrent_log_handler  # noqa: F401 - the configuration below names it

LOGGING = {
    "version": 1,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(message)s"}},
    "handlers": {
        "file": {
            "class": "concurrent_log_handler.ConcurrentRotatingFileHandler",
            "filename": "requests.log",
            "maxBytes": 20_000,
            "backupCount": 50,
            "use_gzip": True,
            "chmod": 0o640,
            "formatter": "plain",
        },
    },
    "root": {"level": "INFO", "handlers": ["file"]},
}

logging.config.dictConfig(LOGGING)


def serve(number):
    logging.getLogger("requests").info("request %d", number)


if __name__ == "__main__":
    method = sys.argv[1] if len(sys.argv) > 1 else "fork"
    context = multiprocessing.get_context(method)
    with context.Pool(3) as pool:
        pool.map(serve, range(2000))
