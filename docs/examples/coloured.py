import sys
from multiprocessing import Process

from mplog import logger

logger.remove()
logger.add(
    sys.stdout,
    format="<dim>{time:HH:mm:ss.SSS}</dim> <level>{level: <8}</level> <cyan>{process.name: <11}</cyan> {message}",
    backtrace=False,
    diagnose=True,
)


def share(bill, guests):
    logger.debug("{} to be shared by {}", bill, guests)
    try:
        each = bill / guests
    except ZeroDivisionError:
        logger.exception("nobody is there to pay")
    else:
        logger.success("each pays {}", each)


if __name__ == "__main__":
    logger.info("tables are opened")
    for number, guests in enumerate((4, 0), 1):
        table = Process(target=share, args=(90, guests), name=f"table-{number}")
        table.start()
        table.join()
        logger.complete()  # its lines before the next ones
    logger.opt(colors=True).warning("one table has <red>not</red> paid")
