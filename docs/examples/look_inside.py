from mplog import logger

logger.remove()
logger.add("app.log", level="INFO")
logger.debug("below the level")
logger.info("{} records", 1)

print(logger)  # which sinks are there, and from which level on
print(logger.health())  # what this process can see of it
counts = logger.statistics()
print(counts.emitted, "emitted,", counts.written, "written,", counts.dropped, "dropped")
