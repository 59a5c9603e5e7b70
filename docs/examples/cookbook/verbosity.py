import argparse
import sys

from mplog import logger

parser = argparse.ArgumentParser()
parser.add_argument("-v", "--verbose", action="count", default=0, help="say more")
parser.add_argument("-q", "--quiet", action="store_true", help="say errors only")
options = parser.parse_args(["-v"])  # what the program was called with: parse_args()

levels = ["WARNING", "INFO", "DEBUG"]
level = "ERROR" if options.quiet else levels[min(options.verbose, 2)]
logger.remove()
logger.add(sys.stdout, level=level, format="{level}: {message}")

logger.debug("step by step")
logger.info("begun")
logger.warning("slow")
