from mplog import logger
from mplog.integrations import wsgi

logger.remove()
logger.configure(extra={"request_id": "-"})  # outside of requests
logger.add(
    "app.log",
    rotation="10 MB",
    retention=5,
    compression="gz",
    format="{time:HH:mm:ss.SSS} {process.id} {extra[request_id]} {message}",
)


def application(environ, start_response):
    logger.info("looking for {}", environ["PATH_INFO"])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"found\n"]


application = wsgi.Middleware(application)
