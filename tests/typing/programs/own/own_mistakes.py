"""Mistakes with what mplog has beside what it shares."""

from __future__ import annotations

import datetime as dt
import sys

from mplog import logger

# E: No overload variant of "add" of "Logger" matches argument types "TextIO | Any", "str"
logger.add(sys.stderr, sanitize="no")
# E: Argument 1 to "add" of "Logger" has incompatible type "TextIO | Any"; expected "str | PathLike[str]"
logger.add(sys.stderr, permissions=0o640)
# E: No overload variant of "add" of "Logger" matches argument types "str", "str"
logger.add("a.log", permissions="0640")
# E: List item 0 has incompatible type "date"; expected "str | float | Decimal | time | timedelta | Callable[[Message,
logger.add("a.log", rotation=[dt.date(2026, 1, 1)])
# E: No overload variant of "complete" of "Logger" matches argument type "str"
logger.complete(timeout="1 s")
# E: Argument "strict" to "configure" of "Logger" has incompatible type "str"; expected "bool | None"
logger.configure(strict="yes")
# E: Too many arguments for "reinstall" of "Logger"
logger.reinstall(1)
# E: "AwaitableCompleter" has no attribute "close"
logger.complete().close()
# E: "Completion" has no attribute "done"
print(logger.complete(timeout=1).done)
