import os
import signal
from multiprocessing import Pipe, Process

from mplog import logger


def log_from(level):
    handler = {"sink": "app.log", "level": level, "format": "{level} {message}"}
    logger.configure(handlers=[handler])


def work(orders):
    for order in iter(orders.recv, "go home"):
        logger.debug("order {}", order)
        orders.send("done")


if __name__ == "__main__":
    log_from("INFO")
    signal.signal(signal.SIGUSR1, lambda *_: log_from("DEBUG"))
    signal.signal(signal.SIGUSR2, lambda *_: log_from("INFO"))

    orders, others_end = Pipe()
    worker = Process(target=work, args=(others_end,))
    worker.start()
    for order in range(6):
        if order == 2:
            os.kill(os.getpid(), signal.SIGUSR1)  # from a shell: kill -USR1 PID
        if order == 4:
            os.kill(os.getpid(), signal.SIGUSR2)
        orders.send(order)
        orders.recv()
    orders.send("go home")
    worker.join()
