import json
from collections import Counter

from mplog import logger

logger.remove()
logger.add("app.log", serialize=True)
for number in range(100):
    level = "INFO" if number % 10 else "ERROR"
    logger.log(level, "order {} came in", number, seconds=number / 50)

with open("app.log") as lines:
    records = [json.loads(line)["record"] for line in lines]

print(Counter(record["level"]["name"] for record in records))
slowest = max(records, key=lambda record: record["extra"]["seconds"])
print(slowest["message"], slowest["extra"])
