"""Mistakes that a type checker must find: an `ignore` that is not needed is an error, too."""

from __future__ import annotations

from mplog import logger

logger.add("app.log", level=None)  # type: ignore[arg-type]
logger.add("app.log", level=2.5)  # type: ignore[arg-type]
logger.add("app.log", format=3)  # type: ignore[arg-type]
logger.add("app.log", filter=3)  # type: ignore[arg-type]
logger.add("app.log", sanitize="no")  # type: ignore[arg-type]
logger.add("app.log", catch="no")  # type: ignore[arg-type]
logger.add("app.log", enqueue="no")  # type: ignore[arg-type]
logger.add()  # type: ignore[call-arg]
logger.add("app.log", "INFO")  # type: ignore[call-arg]
logger.remove("0")  # type: ignore[arg-type]
logger.info()  # type: ignore[call-arg]
logger.log(None, "no level")  # type: ignore[arg-type]
logger.level("NOTICE", no="25")  # type: ignore[arg-type]
logger.level(25)  # type: ignore[arg-type]
logger.complete(timeout="1 s")  # type: ignore[arg-type]
logger.bind(1)  # type: ignore[call-arg]
logger.infos("no such level")  # type: ignore[attr-defined]
number: str = logger.add("app.log")  # type: ignore[assignment]
