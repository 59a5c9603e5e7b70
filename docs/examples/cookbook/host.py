import platform
import sys

from mplog import logger

logger.configure(
    handlers=[{"sink": sys.stdout, "format": "{extra[host]} {extra[service]} {message}"}],
    extra={"host": platform.node(), "service": "shop-1.4"},
)

logger.info("started")
