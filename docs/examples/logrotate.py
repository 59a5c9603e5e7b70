import os
import signal

from mplog import logger

logger.remove()
logger.add("service.log", format="{message}")
signal.signal(signal.SIGHUP, lambda number, frame: logger.reopen())

logger.info("in the old file")
os.rename("service.log", "service.log.1")  # this is what logrotate does
os.kill(os.getpid(), signal.SIGHUP)  # and this its postrotate script
logger.info("in the new file")
