"""The task's id on everything that a task of Huey logs.

huey = RedisHuey("jobs")
mplog.integrations.huey.install(huey)
"""

from __future__ import annotations

from typing import Any

from mplog.integrations._entered import Entered

_NAME = "mplog"


def install(huey: Any) -> None:
    """Have `task_id`, `task` and `retries` (those still left) as extra values on every record that a task logs.

    To be called where *huey*, any kind of `huey.Huey`, is made; a second call changes nothing. It adds a hook of Huey's
    before and one behind each task, both named "mplog". It works with threads and processes, and in immediate mode.
    """
    entered = Entered()

    def begin(task: Any) -> None:
        entered.enter(task.id, task_id=task.id, task=task.name, retries=task.retries)

    def end(task: Any, value: Any, exception: BaseException | None) -> None:
        entered.leave(task.id)

    huey.pre_execute(_NAME)(begin)
    huey.post_execute(_NAME)(end)
