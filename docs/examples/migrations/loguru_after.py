"""Adds up the orders of some shops, in processes. Migrated to mplog."""

import logging
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from mplog import logger
from mplog.integrations.standard import intercept


def is_audit(record):
    return record["extra"].get("audit", False)


def add_host(record):
    record["extra"]["host"] = "host-1"


# At the top: in a child that is spawned it runs again, and joins the parent's.
logger.remove()
logger.level("NOTICE", no=22, color="<cyan>")
logger.configure(extra={"shop": "-"}, patcher=add_host)
logger.add(
    sys.stdout,
    level="ERROR",
    format="{level} {extra[shop]} {message}",
    backtrace=False,
)
logger.add(
    "orders.log",
    rotation="1 MB",
    retention=5,
    compression="gz",
    format="{level} {name}:{function} {extra[host]} {extra[shop]} {message}",
)
logger.add("audit.log", filter=is_audit, serialize=True)
intercept(level="INFO")


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
    shops = ["north", "southeast", "closed"]
    method = sys.argv[1] if len(sys.argv) > 1 else "fork"
    context = get_context(method)
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        total = sum(pool.map(add_up, shops))
    logger.opt(colors=True).info("<green>{}</green> cents in all", total)
