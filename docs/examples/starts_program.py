import subprocess
import sys

from mplog import attach, logger

if not attach():  # nobody started this program: it is the owner of the log, and makes its session now
    logger.remove()
    logger.add("programs.log", format="{message}")

if len(sys.argv) > 1:
    logger.info("started as {}", sys.argv[1])
else:
    for name in ("first", "second"):
        subprocess.run([sys.executable, __file__, name], check=True)
    logger.info("both have ended")
