import multiprocessing

from mplog import logger

# Runs again in each child that is spawned, and means the same file there: the child joins it, and empties nothing.
logger.remove()
logger.add("spawned.log", mode="w", format="{process.name} | {message}")


def work(number):
    logger.info("job {}", number)


if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=work, args=(number,), name=f"worker-{number}") for number in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    logger.info("all done")
