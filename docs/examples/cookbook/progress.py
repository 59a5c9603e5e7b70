import sys

from tqdm import tqdm

from mplog import logger

logger.remove()
logger.add(lambda line: tqdm.write(line, end="", file=sys.stderr), format="{message}")

for number in tqdm(range(5), file=sys.stderr):
    if number == 3:
        logger.warning("{} is a strange number", number)
