"""The types of `mplog.typing`, which are there at run time, too, are those of the package's objects."""

from mplog import logger
from mplog.typing import FilterFunction, HandlerConfig, Logger, Message, Record


def of_job(view: Logger, number: int) -> Logger:
    return view.bind(job=number)


def has_job(record: Record) -> bool:
    reveal_type(record["level"].no)  # R: int
    # E: TypedDict "Record" has no key "massage"
    print(record["massage"])
    return "job" in record["extra"]


def show(message: Message) -> None:
    reveal_type(message.record["file"].path)  # R: str


accept: FilterFunction = has_job
handler: HandlerConfig = {"sink": show, "filter": accept}
logger.configure(handlers=[handler])
of_job(logger, 1).info("with a job")
# E: Argument 1 to "of_job" has incompatible type "str"
of_job("logger", 1)
