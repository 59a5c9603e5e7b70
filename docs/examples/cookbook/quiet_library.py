import sys

from mplog import logger

logger.remove()
levels = {"": "DEBUG", "urllib3": "WARNING", "chatty": False}
logger.add(sys.stdout, format="{name} {level} {message}", filter=levels)

logger.debug("of this program")

for name in ("urllib3.connection", "chatty"):
    library = logger.patch(lambda record, name=name: record.update(name=name))
    library.info("less important")
    library.warning("more important")
