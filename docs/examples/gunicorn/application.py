from mplog import logger
from mplog.integrations import wsgi


def application(environ, start_response):
    logger.info("looking for {}", environ["PATH_INFO"])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"found\n"]


application = wsgi.Middleware(application)
