"""The message's id on everything that an actor of Dramatiq logs.

broker.add_middleware(mplog.integrations.dramatiq.Middleware())
"""

from __future__ import annotations

from typing import Any

import dramatiq

from mplog.integrations._entered import Entered


class Middleware(dramatiq.Middleware):
    """Has `message_id`, `actor`, `queue` and `retries` as extra values on every record that an actor logs.

    So they are on what other middlewares and Dramatiq itself log about the message while it is processed, such as a
    failure. In threads and processes that an actor starts they are where `mplog.integrations.tasks.carry` brings them.
    """

    def __init__(self) -> None:
        self._entered = Entered()

    def before_process_message(self, broker: Any, message: Any) -> None:
        """Dramatiq calls it in the thread that runs the actor."""
        self._entered.enter(
            message.message_id,
            message_id=message.message_id,
            actor=message.actor_name,
            queue=message.queue_name,
            retries=message.options.get("retries", 0),
        )

    def after_process_message(
        self, broker: Any, message: Any, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        """Dramatiq calls it there, too, whatever came of the message."""
        self._entered.leave(message.message_id)

    def after_skip_message(self, broker: Any, message: Any) -> None:
        """The same for one that another middleware has skipped."""
        self._entered.leave(message.message_id)
