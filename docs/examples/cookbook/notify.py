import json
import sys
import urllib.request

from mplog import logger

URL = sys.argv[1]


def notify(message):
    record = message.record
    body = json.dumps({"text": f"{record['level'].name}: {record['message']}"}).encode()
    request = urllib.request.Request(URL, body, {"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=5).close()


logger.remove()
logger.add("app.log", format="{message}")
logger.add(notify, level="CRITICAL", enqueue=True)

logger.error("for the file")
logger.critical("the shop is closed")
