from datetime import datetime

from mplog import logger

logger.remove()
logger.add("app.log", format="{time:YYYY-MM-DD HH:mm:ss.SSS} | {level} | {message}")
logger.info("started")
logger.warning("no answer")

pattern = r"(?P<time>.{23}) \| (?P<level>\w+) \| (?P<message>.*)"
for found in logger.parse("app.log", pattern, cast={"time": datetime.fromisoformat}):
    print(found["time"].year >= 2024, found["level"], found["message"])
