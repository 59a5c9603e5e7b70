from mplog import logger
from mplog.integrations import gunicorn

logger_class = gunicorn.Logger
accesslog = "-"
workers = 4
logger.configure(extra={"request_id": "-"})  # outside of requests
gunicorn.add(
    "app.log",
    rotation="10 MB",
    retention=5,
    compression="gz",
    format="{time:HH:mm:ss.SSS} {level: <8} {process.id} {extra[request_id]: >6} {name} {message}",
)
