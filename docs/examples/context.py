import sys

from mplog import logger

logger.remove()
logger.add(sys.stdout, format="{level: <7} | {extra[request]} | {message}")

request = logger.bind(request="r-17")
request.info("accepted")
request.warning("took {} ms", 812)
logger.info("done", request="-")
