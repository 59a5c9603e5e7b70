import logging

from flask import Flask

from mplog import logger
from mplog.integrations import wsgi
from mplog.integrations.standard import intercept

intercept()
logger.remove()
logger.configure(extra={"request_id": "-"})  # outside of requests
logger.add(
    "app.log",
    rotation="10 MB",
    retention=5,
    compression="gz",
    backtrace=False,
    format="{time:HH:mm:ss.SSS} {level: <8} {process.id} {extra[request_id]: >6} {name} {message}",
)
logging.getLogger("werkzeug").setLevel("WARNING")  # what flask run says of a request has neither id nor fields

app = Flask(__name__)
app.wsgi_app = wsgi.Middleware(app.wsgi_app, wide=True)


@app.get("/things/<name>")
def thing(name):
    logger.info("looking for {}", name)  # mplog's
    app.logger.info("found %s", name)  # or Flask's: they meet
    wsgi.note(thing=name)
    return "found\n"


@app.get("/fails")
def fails():
    return str(1 / 0)
