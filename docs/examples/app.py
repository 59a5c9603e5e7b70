# app.py
from multiprocessing import Pool
from pathlib import Path

from mplog import logger

logger.remove()
logger.add("app.log", rotation="2 MB", retention=5, compression="gz")


def work(n):
    logger.info("job {} done", n)
    return n


if __name__ == "__main__":
    with Pool(8) as pool:
        pool.map(work, range(100_000))
    logger.shutdown()  # only because the files are looked at before the end
    for path in sorted(Path().glob("app*.log*")):
        print(f"{path.stat().st_size / 1000:6,.0f} kB  {path}")
