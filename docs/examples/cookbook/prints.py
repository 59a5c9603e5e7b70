import contextlib

from mplog import logger

logger.remove()
logger.add("app.log", format="{level} {message}")


class ToLog:
    """A stream each line of which is a record."""

    def __init__(self, level):
        self.level, self.begun = level, ""

    def write(self, text):
        *lines, self.begun = (self.begun + text).split("\n")
        for line in lines:
            logger.opt(depth=1).log(self.level, line)
        return len(text)

    def flush(self):
        pass


with contextlib.redirect_stdout(ToLog("INFO")):
    print("printed by", "a library")
    print("two lines\nin one call")
