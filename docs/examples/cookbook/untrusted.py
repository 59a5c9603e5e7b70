from mplog import logger

logger.remove()
logger.add("app.log", format="{message}")

name = "bob\nINFO alice was made an administrator\x1b[2K"
logger.info("{} has logged in", name)  # the line end stays
logger.info("{!r} has logged in", name)  # one line
