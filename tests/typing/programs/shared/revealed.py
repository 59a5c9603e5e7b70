"""What each expression is for a type checker: `R:` says what it reveals."""

from __future__ import annotations

from mplog import logger

reveal_type(logger)  # R: mplog.Logger
reveal_type(logger.bind(a=1))  # R: mplog.Logger
reveal_type(logger.bind(self=1, kwargs=2))  # R: mplog.Logger
reveal_type(logger.opt(depth=1))  # R: mplog.Logger
reveal_type(logger.opt(exception=True, record=True, lazy=True, colors=True, raw=True, capture=False))  # R: mplog.Logger
reveal_type(logger.patch(lambda record: None))  # R: mplog.Logger
reveal_type(logger.add(print))  # R: int
reveal_type(logger.remove())  # R: None
reveal_type(logger.catch())  # R: mplog.Catcher
reveal_type(logger.catch(ValueError, level="INFO", message="no"))  # R: mplog.Catcher
reveal_type(logger.contextualize(a=1))  # R: mplog.Contextualizer
reveal_type(logger.level("INFO"))  # R: tuple[str, int, str, str, fallback=mplog.Level]
reveal_type(logger.level("NEW", 5).no)  # R: int
reveal_type(logger.level("NEW", no=5, color="<red>", icon="!").icon)  # R: str
reveal_type(logger.level("NEW", color="<blue>").color)  # R: str
reveal_type(logger.level("NEW").name)  # R: str
reveal_type(logger.configure(handlers=[], levels=[], extra={}, activation=[]))  # R: list[int]
reveal_type(logger.parse("a.log", "b"))  # R: typing.Generator[dict[str, Any], None, None]
reveal_type(logger.enable("a"))  # R: None
reveal_type(logger.disable(None))  # R: None
reveal_type(logger.start(print))  # R: int
reveal_type(logger.stop(0))  # R: None

reveal_type(logger.trace("x"))  # R: None
reveal_type(logger.debug("x"))  # R: None
reveal_type(logger.info("x"))  # R: None
reveal_type(logger.success("x"))  # R: None
reveal_type(logger.warning("x"))  # R: None
reveal_type(logger.error("x"))  # R: None
reveal_type(logger.critical("x"))  # R: None
reveal_type(logger.exception("x"))  # R: None
reveal_type(logger.log("INFO", "x"))  # R: None
reveal_type(logger.log(33, object()))  # R: None

# The overloads in their order; `add` is too long to be repeated here.
reveal_type(logger.info)  # R: Overload(def (str, *args: Any, **kwargs: Any), def (Any))
