from mplog import logger

logger.remove()
logger.add(
    "small.log",
    rotation=["20 KB", "sunday at 04:00"],
    retention=3,
    compression="gz",
    format="{time} | {message}",
)

for number in range(2000):
    logger.info("line {} of 2000", number)
