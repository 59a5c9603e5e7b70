"""Mistakes that a checker must find. `E:` above a line is in mypy's text for it; every other checker complains, too."""

from __future__ import annotations

import datetime as dt
import sys
from typing import TYPE_CHECKING

from mplog import logger

if TYPE_CHECKING:
    from mplog import Message, Record


def function(message: Message) -> None: ...


async def coroutine(message: Message) -> None: ...


# Messages and levels

# E: No overload variant of "info" of "Logger" matches argument types "int", "int"
logger.info(123, foo=1)
# E: No overload variant of "debug" of "Logger" matches argument types "None", "int"
logger.debug(None, 123)
# E: No overload variant of "log" of "Logger" matches argument types "int", "int", "int"
logger.log(5, 123, 456)
# E: All overload variants of "info" of "Logger" require at least one argument
logger.info()
# E: No overload variant of "log" of "Logger" matches argument types "None", "str"
logger.log(None, "no level")
# E: No overload variant of "info" of "Logger" matches argument type "str"
logger.info(message="positional only")
# E: "Logger" has no attribute "infos"; maybe "info"?
logger.infos("no such level")
# E: "Logger" has no attribute "warn"
logger.warn("no such method")

# add()

# E: Unexpected keyword argument "unknown" for overloaded function "add" of "Logger"
logger.add(function, unknown=1)
# E: Argument 1 to "add" of "Logger" has incompatible type "TextIO | Any"; expected "str | PathLike[str]"
logger.add(sys.stderr, rotation="1 MB")
# E: Argument 1 to "add" of "Logger" has incompatible type "Callable[[Message], None]"; expected "Callable[[Message],
logger.add(function, loop=None)
# E: No overload variant of "add" of "Logger" matches argument types "str", "None"
logger.add("a.log", loop=None)
# E: No overload variant of "add" of "Logger" matches argument types "Callable[[Message], Coroutine[Any, Any, None]]",
logger.add(coroutine, loop="loop")
# E: No overload variant of "add" of "Logger" matches argument type "int"
logger.add(5)
# E: No overload variant of "add" of "Logger" matches argument type "bytes"
logger.add(b"a.log")
# E: Cannot infer type of lambda
logger.add(lambda: None)
# E: No overload variant of "add" of "Logger" matches argument types "str", "None"
logger.add("a.log", level=None)
# E: No overload variant of "add" of "Logger" matches argument types "str", "float"
logger.add("a.log", level=2.5)
# E: No overload variant of "add" of "Logger" matches argument types "str", "int"
logger.add("a.log", format=3)
# E: No overload variant of "add" of "Logger" matches argument types "str", "int"
logger.add("a.log", filter=3)
# E: Dict entry 0 has incompatible type "int": "str"; expected "str | None": "str | int"
logger.add("a.log", filter={5: "INFO"})
# E: No overload variant of "add" of "Logger" matches argument types "str", "str"
logger.add("a.log", enqueue="no")
# E: No overload variant of "add" of "Logger" matches argument types "str", "None"
logger.add("a.log", catch=None)
# E: No overload variant of "add" of "Logger" matches argument types "str", "int"
logger.add("a.log", context=5)
# E: No overload variant of "add" of "Logger" matches argument types "str", "date"
logger.add("a.log", rotation=dt.date(2026, 1, 1))
# E: No overload variant of "add" of "Logger" matches argument types "str", "time"
logger.add("a.log", retention=dt.time(12))
# E: No overload variant of "add" of "Logger" matches argument types "str", "bool"
logger.add("a.log", compression=True)
# E: All overload variants of "add" of "Logger" require at least one argument
logger.add()
# E: No overload variant of "add" of "Logger" matches argument types "str", "str"
logger.add("a.log", "INFO")
# E: Incompatible types in assignment (expression has type "int", variable has type "str")
identifier: str = logger.add("a.log")
# E: Argument 1 to "remove" of "Logger" has incompatible type "str"; expected "int | None"
logger.remove("0")

# Levels

# E: No overload variant of "level" of "Logger" matches argument type "int"
logger.level(25)
# E: No overload variant of "level" of "Logger" matches argument types "str", "str"
logger.level("NEW", no="25")
# E: Unexpected keyword argument "number" for overloaded function "level" of "Logger"
logger.level("NEW", number=25)
# E: "Level" has no attribute "colour"
print(logger.level("NEW").colour)

# Views

# E: Too many arguments for "bind" of "Logger"
logger.bind({"a": 1})
# E: Unexpected keyword argument "color" for "opt" of "Logger"; did you mean "colors"?
logger.opt(color=True)
# E: Argument "depth" to "opt" of "Logger" has incompatible type "str"; expected "int"
logger.opt(depth="1")
# E: Too many positional arguments for "opt" of "Logger"
logger.opt(True)
# E: Argument 1 to "patch" of "Logger" has incompatible type "str"; expected "Callable[[Record], None]"
logger.patch("no function")
# E: Too many arguments for "contextualize" of "Logger"
logger.contextualize("no keyword")
# E: "None" has no attribute "bind"
logger.info("x").bind(a=1)

# catch()

# E: Unexpected keyword argument "unknown" for overloaded function "catch" of "Logger"
logger.catch(level=ValueError, message="x", unknown="x")
# E: No overload variant of "catch" of "Logger" matches argument type "str"
logger.catch(reraise="no")


@logger.catch
def decorated(a: int) -> str:
    return str(a)


# E: Argument 1 to "decorated" has incompatible type "str"; expected "int"
decorated("a")


@logger.catch(default=1)
def decorated_too(a: int) -> str:
    return str(a)


# E: Missing positional argument "a" in call to "decorated_too"
decorated_too()


@logger.contextualize(a=1)
def inside(a: int) -> str:
    return str(a)


# E: Incompatible types in assignment (expression has type "str", variable has type "int")
number: int = inside(1)

# configure()

# E: Extra key "foo" for TypedDict "LevelConfig"
logger.configure(levels=[{"name": "A", "foo": 5}])
# E: Incompatible types (expression has type "str", TypedDict item "no" has type "int")
logger.configure(levels=[{"name": "A", "no": "5"}])
# E: List item 0 has incompatible type "str"; expected "BasicHandlerConfig | FileHandlerConfig | AsyncHandlerConfig"
logger.configure(handlers=["a.log"])
# E: Argument "handlers" to "configure" of "Logger" has incompatible type "dict[str, str]"; expected
logger.configure(handlers={"sink": "a.log"})
# E: List item 0 has incompatible type "dict[str, object]"; expected "BasicHandlerConfig | FileHandlerConfig |
logger.configure(handlers=[{"sink": "a.log", "rotations": 1}])
# E: List item 0 has incompatible type "tuple[str, str]"; expected "tuple[str | None, bool]"
logger.configure(activation=[("a", "yes")])
# E: Argument "extra" to "configure" of "Logger" has incompatible type "list[Never]"; expected "dict[Any, Any] | None"
logger.configure(extra=[])
# E: Argument "patcher" to "configure" of "Logger" has incompatible type "str"; expected "Callable[[Record], None] |
logger.configure(patcher="no function")
# E: Unexpected keyword argument "unknown" for "configure" of "Logger"
logger.configure(unknown=1)

# parse(), activation, complete()

# E: No overload variant of "parse" of "Logger" matches argument types "str", "bytes"
logger.parse("a.log", b"pattern")
# E: No overload variant of "parse" of "Logger" matches argument types "int", "str"
logger.parse(5, "pattern")
# E: Argument 1 to "enable" of "Logger" has incompatible type "int"; expected "str | None"
logger.enable(5)
# E: Missing positional argument "name" in call to "disable" of "Logger"
logger.disable()


def fields(record: Record) -> None:
    # E: TypedDict "Record" has no key "messages"
    print(record["messages"])
    # E: "RecordLevel" has no attribute "number"
    print(record["level"].number)
    # E: Item "None" of "RecordException | None" has no attribute "value"
    print(record["exception"].value)
    # E: Value of "message" has incompatible type "int"; expected "str"
    record["message"] = 5
