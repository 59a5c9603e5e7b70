"""Adds up the orders of some shops, in processes. Written for Loguru."""

import logging
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from loguru import logger


class InterceptHandler(logging.Handler):
    """Gives what libraries log to Loguru."""

    def emit(self, record):
        frame, depth, here = logging.currentframe(), 0, logging.__file__
        while frame and (depth == 0 or frame.f_code.co_filename == here):
            frame, depth = frame.f_back, depth + 1
        caller = logger.opt(depth=depth, exception=record.exc_info)
        caller.log(record.levelname, record.getMessage())


def is_audit(record):
    return record["extra"].get("audit", False)


def add_host(record):
    record["extra"]["host"] = "host-1"


def start(given):
    """Runs first in each child: the logger has come with the arguments."""
    global logger
    logger = given
    handlers = [InterceptHandler()]
    logging.basicConfig(handlers=handlers, level="INFO", force=True)


@logger.catch(default=0, message="no orders, in {record[process].name}")
def add_up(shop):
    with logger.contextualize(shop=shop):
        logging.getLogger("bank").info("asking for %s", shop)
        if shop == "closed":
            raise ValueError(f"{shop} has no orders")
        total = len(shop) * 100
        logger.info("{} cents", total)
        logger.opt(lazy=True).debug("{:.2f} each", lambda: total / len(shop))
        if total > 700:
            logger.log("NOTICE", "much money")
            logger.bind(audit=True).success("more than {limit}", limit=700)
        return total


if __name__ == "__main__":
    method = sys.argv[1] if len(sys.argv) > 1 else "fork"
    context = get_context(method)
    logger.remove()
    logger.level("NOTICE", no=22, color="<cyan>")
    logger.configure(extra={"shop": "-"}, patcher=add_host)
    logger.add(
        sys.stdout,
        level="ERROR",
        format="{level} {extra[shop]} {message}",
        enqueue=True,
        context=context,
        backtrace=False,
    )
    logger.add(
        "orders.log",
        rotation="1 MB",
        retention=5,
        compression="gz",
        enqueue=True,
        context=context,
        format="{level} {name}:{function} {extra[host]} {extra[shop]} {message}",
    )
    logger.add("audit.log", filter=is_audit, serialize=True, enqueue=True, context=context)
    shops = ["north", "southeast", "closed"]
    with ProcessPoolExecutor(
        2,
        mp_context=context,
        initializer=start,
        initargs=(logger,),
    ) as pool:
        total = sum(pool.map(add_up, shops))
    logger.opt(colors=True).info("<green>{}</green> cents in all", total)
    logger.complete()
