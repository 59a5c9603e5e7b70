from mplog import logger

logger.remove()
logger.add("app.log", format="{level} {message}")


@logger.catch(OSError, level="WARNING", reraise=True, message="no settings")
def load(path):
    with open(path) as file:
        return file.read()


try:
    settings = load("settings.txt")
except OSError:
    settings = "colour = blue"
    logger.info("using the defaults")
