from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

from mplog import logger
from mplog.integrations.tasks import carry

logger.remove()
logger.add("app.log", format="{extra[order]} {message}")


def pack(part):
    logger.info("packs {}", part)


if __name__ == "__main__":
    with ThreadPoolExecutor(2) as threads, ProcessPoolExecutor(2) as processes:
        for order in (17, 18):
            with logger.contextualize(order=order):
                list(threads.map(carry(pack), ["book", "pen"]))
                list(processes.map(carry(pack), ["lamp", "bulb"]))
