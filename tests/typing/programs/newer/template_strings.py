"""Template strings are messages, for programs that need Python 3.14."""

from __future__ import annotations

from string.templatelib import Template

from mplog import logger

message = Template("made of parts")
logger.info(message)
logger.info(message, 1, what=2)
logger.opt(colors=True).log("INFO", message, 1)
logger.exception(message, what=2)
with logger.catch(message=message):
    reveal_type(logger.catch(message=message))  # R: mplog.Catcher
# E: No overload variant of "info" of "Logger" matches argument types "bytes", "int"
logger.info(b"no template", 1)
# E: No overload variant of "catch" of "Logger" matches argument type "bytes"
logger.catch(message=b"no template")
