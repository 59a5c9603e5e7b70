"""Saying in the log itself what was dropped: through the handlers that the records were meant for.

A line is written first and marked as said afterwards, so a drainer that is killed in between repeats it.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence

from mplog._capture.details import Details
from mplog._capture.notice import notice
from mplog._capture.record import Message
from mplog._render.escape import one_line
from mplog._render.times import local_time
from mplog._ring import drops
from mplog._ring.clock import wall_time
from mplog._ring.drops import Drop
from mplog._ring.ring_file import RingFile, RingOwner
from mplog._sinks import report
from mplog._sinks.file.sink import FileSink
from mplog._writer.route import Route

EVERY = 5.0
"""Seconds between two lines about the same process."""

level_names: dict[int, str] = {}
"""Names of level numbers, as this process knows them."""


def tell(
    ring: RingFile,
    routes: Mapping[int, Route],
    *,
    leave_others: bool = True,
    direct: bool = False,
    held: Container[int] = (),
) -> bool:
    """As `tell_of`, of a single ring."""
    return tell_of([ring], routes, leave_others=leave_others, direct=direct, held=held)


def tell_of(
    rings: Sequence[RingFile],
    routes: Mapping[int, Route],
    *,
    leave_others: bool = True,
    direct: bool = False,
    held: Container[int] = (),
) -> bool:
    """Say through *routes* what the process of *rings* has dropped, in one line each; False when some is left to say.

    Args:
        leave_others: keep what was dropped for other routes for somebody who has them; else it is said on standard
            error, where it would be lost with the ring.
        direct: write in the calling thread, in a process that does not host the sinks.
        held: the routes through which nothing can be said now.
    """
    per_route: dict[int, list[tuple[RingFile, Drop]]] = {}
    for ring in rings:
        for drop in drops.read(ring.words) if drops.any_unsaid(ring.words) else ():
            if drop.total != drop.said:
                # Those that the table could not name are said by whichever handler there is.
                named = drop.level is not None or drop.route in routes
                number = drop.route if named else next((one for one in routes if one not in held), drop.route)
                per_route.setdefault(number, []).append((ring, drop))
    complete = True
    for number, found in per_route.items():
        if number in held:
            complete = False
            continue
        text = describe(rings[-1].owner, [drop for _, drop in found])
        route = routes.get(number)
        if route is None:
            if leave_others:
                continue
            report.once(f"untold {rings[-1].path} {number}", text.removeprefix("mplog: "))
        else:
            try:
                say(route, text, direct=direct)
            except Exception:  # noqa: BLE001 - a file that refuses, or a user's function; tried again later
                complete = False
                report.error_in_handler(number, text, sink=route.spec.target)
                continue
        for ring, drop in found:
            drops.mark_said(ring.words, [drop])
    return complete


def describe(owner: RingOwner, found: list[Drop]) -> str:
    """One line about *found*."""
    who = f"{owner.pid} ({owner.name})" if owner.name else str(owner.pid)
    lost = [drop.total - drop.said for drop in found]
    if min(lost) < 0 or sum(lost) > drops.MOST:
        return f"mplog: process {who} dropped records; how many cannot be told, for its counts of them are damaged"
    counts: dict[str, int] = {}
    for drop in sorted(found, key=lambda drop: (drop.level is None, drop.level or 0)):
        name = "others" if drop.level is None else level_names.get(drop.level, f"level {drop.level}")
        counts[name] = counts.get(name, 0) + drop.total - drop.said
    total = sum(counts.values())
    named = ", ".join(f"{count} {name}" for name, count in counts.items())
    return f"mplog: process {who} dropped {total} {'record' if total == 1 else 'records'}: {named}; its queue was full"


def say(route: Route, text: str, *, direct: bool) -> None:
    """Write *text* as a warning of mplog's own; as it is, where the handler's format has no use for it."""
    text, now = one_line(text), wall_time()
    record = notice(text, local_time(now))
    try:
        shown = route.renderer.text(record, Details())
        if "mplog: " not in shown:
            shown = f"{text}\n"
    except Exception:  # noqa: BLE001 - a format that wants some key of `extra`, say
        shown = f"{text}\n"
    message = Message(shown)
    message.record = record
    sink = route.sink
    if isinstance(sink, FileSink):
        sink.write_notice(route.spec.encode(shown), now, message)
    elif route.outlet is not None and not direct:
        route.outlet.put(message)
    else:
        sink.write(message, direct=False)
