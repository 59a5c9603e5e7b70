import multiprocessing
import os
import signal
import time

from mplog import logger

logger.remove()
logger.add("killed.log", format="{message}")


def work(returned):
    while True:
        logger.info("record {}", returned.value + 1)
        returned.value += 1  # stored in shared memory, after the call has returned


if __name__ == "__main__":
    returned = multiprocessing.RawValue("q", 0)
    worker = multiprocessing.Process(target=work, args=(returned,))
    worker.start()
    while returned.value < 5000:
        time.sleep(0.01)
    os.kill(worker.pid, signal.SIGKILL)
    worker.join()
    logger.remove()  # waits until everything is in the file

    with open("killed.log") as file:
        lines = file.read().splitlines()
    expected = [f"record {number}" for number in range(1, returned.value + 1)]
    assert lines[: len(expected)] == expected
    assert len(lines) - len(expected) <= 1  # the call that had not returned is there whole, or not at all
    print("every record whose call had returned is in the file, once and in order")
