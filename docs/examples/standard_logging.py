import logging
from multiprocessing import Process

from mplog import logger
from mplog.integrations.standard import intercept

logger.remove()
logger.add("standard.log", format="{process.name} {level} {name}:{function} {message} {extra}")
intercept()


def work(number):
    log = logging.getLogger("some.library")
    log.info("part %d done", number, extra={"number": number})


if __name__ == "__main__":
    logging.warning("two parts to do")
    for number in range(2):
        process = Process(target=work, args=(number,), name=f"worker-{number}")
        process.start()
        process.join()
