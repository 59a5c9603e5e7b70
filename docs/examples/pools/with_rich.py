from multiprocessing import Pool

from rich.console import Console
from rich.progress import Progress
from rich.text import Text

from mplog import logger

console = Console(stderr=True)
logger.remove()
logger.add(lambda line: console.print(Text(line), end=""), format="{level: <8} {message}")


def work(number):
    if number % 100 == 0:
        logger.warning("job {} is a round one", number)
    return number


if __name__ == "__main__":
    with Pool(2) as pool, Progress(console=console) as progress:
        for _ in progress.track(pool.imap_unordered(work, range(300)), total=300):
            pass
    logger.success("all done")
