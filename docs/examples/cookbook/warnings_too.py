import os
import warnings

from mplog import logger

logger.remove()
logger.add("app.log", format="{level} {message}")


def to_log(message, category, filename, lineno, file=None, line=None):
    place = f"{os.path.basename(filename)}:{lineno}"
    logger.warning("{}: {}: {}", place, category.__name__, message)


warnings.showwarning = to_log
warnings.simplefilter("default")

warnings.warn("the old way of writing will go", DeprecationWarning, stacklevel=1)
