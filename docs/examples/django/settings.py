from mplog import logger
from mplog.integrations import django

SECRET_KEY = "a secret of yours"
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
ROOT_URLCONF = "urls"
WSGI_APPLICATION = "wsgi.application"
MIDDLEWARE = [
    "mplog.integrations.django.Middleware",
    "django.middleware.common.CommonMiddleware",
]

LOGGING_CONFIG = None
django.configure(
    "app.log",
    rotation="10 MB",
    retention=5,
    compression="gz",
    format="{time:HH:mm:ss.SSS} {level: <8} {process.id} {extra[request_id]: >6} {name} {message}",
)
logger.configure(extra={"request_id": "-"})  # outside of requests
