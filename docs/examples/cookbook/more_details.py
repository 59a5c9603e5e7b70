import os
import signal
import threading
from multiprocessing import Pipe, Process

from mplog import logger

detailed = threading.Event()


def switch():
    """At a signal begin to write a second log with all details, and at the next one end it."""
    while True:
        signal.sigwait({signal.SIGUSR1})
        handler = logger.add("details.log", level="DEBUG", format="{level} {message}")
        detailed.set()
        signal.sigwait({signal.SIGUSR1})
        logger.remove(handler)


def work(orders):
    for order in iter(orders.recv, "go home"):
        logger.debug("order {}", order)
        orders.send("done")


if __name__ == "__main__":
    logger.remove()
    logger.add("app.log", level="INFO", format="{level} {message}")
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})  # for all threads; only sigwait gets it

    orders, others_end = Pipe()
    worker = Process(target=work, args=(others_end,))
    worker.start()
    threading.Thread(target=switch, daemon=True).start()
    for order in range(4):
        if order == 2:
            os.kill(os.getpid(), signal.SIGUSR1)  # from a shell: kill -USR1 PID
            detailed.wait()
        orders.send(order)
        orders.recv()
    orders.send("go home")
    worker.join()
