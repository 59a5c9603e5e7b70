"""Serves requests in processes. Migrated to mplog by configuration alone."""

import logging
import logging.config
import multiprocessing
import sys

LOGGING = {
    "version": 1,
    "handlers": {
        "file": {
            "class": "mplog.integrations.standard.Handler",
            "sink": "requests.log",
            "rotation": 20_000,
            "retention": 50,
            "compression": "gz",
            "permissions": 0o640,
            "format": "{time:YYYY-MM-DD HH:mm:ss,SSS} {level} {message}",
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
