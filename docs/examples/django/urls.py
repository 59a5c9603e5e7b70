import logging

from django.http import HttpResponse
from django.urls import path

from mplog import logger

log = logging.getLogger(__name__)


def thing(request, name):
    logger.info("looking for {}", name)  # mplog's
    log.info("found %s", name)  # or standard logging: they meet
    return HttpResponse("found\n")


def fails(request):
    return HttpResponse(1 / 0)


urlpatterns = [path("things/<name>", thing), path("fails", fails)]
