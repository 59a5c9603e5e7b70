from mplog import logger

logger.remove()
logger.add("app.log", rotation=["00:00", "20 KB"], retention="10 days", compression="gz", format="{time} {message}")

for number in range(1500):
    logger.info("line {}", number)
