from mplog import logger

logger.remove()
logger.add(
    "app.log",
    format="{time} {message}",
    rotation=["00:00", "20 KB"],
    retention="10 days",
    compression="gz",
)

for number in range(1500):
    logger.info("line {}", number)
