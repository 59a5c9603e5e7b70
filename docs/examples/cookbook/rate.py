import time

from mplog import logger


class AtMost:
    """Lets so many records of each place through in a period, and counts the others."""

    def __init__(self, count, seconds):
        self.count, self.seconds = count, seconds
        self.places = {}

    def __call__(self, record):
        place, now = (record["file"].path, record["line"]), time.monotonic()
        begun, passed, held = self.places.get(place, (now, 0, 0))
        if now - begun >= self.seconds:
            begun, passed = now, 0
        if passed >= self.count:
            self.places[place] = begun, passed, held + 1
            return False
        self.places[place] = begun, passed + 1, 0
        record["extra"]["held"] = held
        return True


logger.remove()
few = AtMost(3, seconds=2)
logger.add("app.log", format="{message} ({extra[held]} held back)", filter=few)

for pause in (2, 0):
    for _ in range(100):
        logger.error("no answer")
    time.sleep(pause)
