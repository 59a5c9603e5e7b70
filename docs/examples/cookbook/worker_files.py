import multiprocessing

from mplog import logger

logger.remove()


def work(number):
    name = multiprocessing.current_process().name
    logger.add(f"{name}.log", format="{message}")
    logger.info("only this process writes here: {}", number)


if __name__ == "__main__":
    for number in range(2):
        name = f"worker-{number}"
        worker = multiprocessing.Process(target=work, args=(number,), name=name)
        worker.start()
        worker.join()
