import logging

from fastapi import BackgroundTasks, FastAPI, Request
from fastapi.responses import JSONResponse

from mplog import logger
from mplog.integrations import asgi
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
log = logging.getLogger(__name__)
app = FastAPI()


@app.middleware("http")
async def errors(request: Request, call_next):
    try:
        return await call_next(request)
    except Exception:
        logger.exception("{} {} failed", request.method, request.url.path)
        return JSONResponse({"detail": "Internal Server Error"}, status_code=500)


app.add_middleware(asgi.Middleware)  # the last one is outside of the others


def remember(name):
    logger.info("remembering {}", name)


@app.get("/things/{name}")
async def thing(name: str, tasks: BackgroundTasks):
    logger.info("looking for {}", name)  # mplog's
    log.info("found %s", name)  # or standard logging: they meet
    tasks.add_task(remember, name)
    return "found"


@app.get("/fails")
def fails():
    return 1 / 0
