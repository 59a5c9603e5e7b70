"""From one log file to the next: the rename, the new file, and the old ones that have to go.

Everything here is called with the sink's mutex and the file's lock held.
"""

from __future__ import annotations

import contextlib
import os

from mplog._ring.clock import wall_time
from mplog._sinks import report, signals
from mplog._sinks.file import belief, birth, series, whose
from mplog._sinks.file.log_file import NEXT_BOUND, LogFile
from mplog._sinks.file.naming import behind_links, rotated_name
from mplog._sinks.file.retention import OwnedFile
from mplog._sinks.file.series import Series
from mplog._sinks.stray import as_exception


def due(file: LogFile) -> float | None:
    """Epoch second from which a record belongs to the next file; every process computes the same."""
    if not file.knows_due:
        rotation = file.options.rotation
        if rotation is not None and rotation.times:
            if file.series is None:
                file.series = series.read_series(file.fd, rotation, file.options.permissions)
            file.due_at = file.series.next_due(rotation)
        else:
            file.due_at = None
        file.knows_due = True
    return file.due_at


def rotate(file: LogFile, moment: float, *, keep_empty: bool, troubles: list[Exception]) -> str | None:
    """Rename the file and open the next one, with its lock. Returns the name of the old file, if it has content.

    Called under the lock; returns under the lock of the new file, unless somebody else has that for `NEXT_BOUND`.
    Where there is no compression to wait for, retention happens here, before the new file is there.

    Args:
        moment: the time of the record that caused it.
        keep_empty: rotate also a file without a record, instead of letting it begin anew.
        troubles: gets what the retention raised; the rotation goes on.

    Raises:
        OSError: it could not be done. The old file is still open, and its lock held as before, unless its path
            names another file or none by now: then `fd` is -1.
    """
    rotation = file.options.rotation
    assert rotation is not None
    assert file.shared  # Never rename a device.
    if not file.options.gathers and not file.is_here():
        # Somebody has moved it away already, and what the path names, if anything, is not ours to rename.
        file.follow(NEXT_BOUND)
        file.measure()
        return None
    due(file)
    following = Series(file.series.first, max(file.series.after, moment)) if file.series is not None else None
    new_path = file.path_now()
    drop = file.is_empty and not keep_empty
    if drop and new_path == file.path:
        _begin_anew(file, following)
        return None
    rotated = _renamed(file) if new_path == file.path else file.real
    _go_on(file, new_path, rotated, following, troubles, drop=drop)
    return rotated if not drop and os.path.lexists(rotated) else None


def _renamed(file: LogFile) -> str:
    """Give the open file the name of an old one, which is returned."""
    suffixes = (file.options.compression.suffix,) if file.options.compression else ()
    created = birth.read_birth(file.fd, file.options.permissions)
    rotated = rotated_name(file.real, created, suffixes=tuple(filter(None, suffixes)))
    # Before the rename: whoever finds the path changed has to know by whom, also when we die in between.
    series.mark_rotated(file.fd, rotated)
    try:
        os.rename(file.real, rotated)
    except OSError:
        series.unmark_rotated(file.fd)
        raise
    return rotated


def _go_on(
    file: LogFile, path: str, rotated: str, following: Series | None, troubles: list[Exception], *, drop: bool
) -> None:
    """Open the next file at *path* and leave the old one, called *rotated* by now; remove that if *drop* says so.

    Where the next one cannot be opened, everything is put back.
    """
    old_path, old_fd, old_identity, old_marked, real = file.path, file.fd, file.identity, file.is_marked, file.real
    old_lock = file.lock
    # The old lock is held until the new one is: in between nobody else can append to either.
    held, file.holds, file.fd = file.holds, False, -1
    try:
        file.path = path
        raised: list[Exception] = []
        if file.options.compression is None:
            try:
                retain(file, exclude=path, ours=rotated)
            except BaseException as error:  # noqa: BLE001 - a user's function, or files that are not ours to remove
                raised.append(as_exception(error))
        file.open_path(path, again=True)
        troubles += raised
        if file.options.gathers:
            series.forget(file.fd)
            series.set_successor(old_fd, path)
        _begin_anew(file, following)
        file.acquire(NEXT_BOUND)
        file.measure()
    except BaseException:
        if file.fd < 0 and _is_put_back(file, rotated, real, old_path):
            file.real = real
            series.unmark_rotated(old_fd)
            file.fd, file.lock, file.is_marked, file.holds, old_fd = old_fd, old_lock, old_marked, held, -1
        raise
    finally:
        if old_fd >= 0:
            if drop:
                with contextlib.suppress(OSError):
                    # Again: a call that has interrupted this one may have appended something.
                    if os.fstat(old_fd).st_size <= len(file.options.text.mark):
                        os.unlink(real)
            file.close_descriptor(old_fd, old_identity, old_marked)
            old_lock.close()


def _is_put_back(file: LogFile, rotated: str, real: str, path: str) -> bool:
    """After a rotation that cannot open its new file: whether the old one is, again, the one that *path* names."""
    if rotated != real:
        with contextlib.suppress(OSError):
            os.link(rotated, real)  # Unlike `rename` it never replaces what somebody else has made meanwhile.
            os.unlink(rotated)
    file.path = path
    return file.is_here()


def _begin_anew(file: LogFile, following: Series | None) -> None:
    """The open file begins now."""
    rotation = file.options.rotation
    birth.write_birth(file.fd, wall_time())
    if following is not None and rotation is not None:
        series.write_series(file.fd, following, rotation)
    file.series, file.knows_due = following, False


def retain(file: LogFile, exclude: str | None = None, ours: str | None = None) -> None:
    """Remove what the retention says, never *exclude* nor the current file of any process.

    Args:
        exclude: a file that does not count, because it is the new one.
        ours: a file that counts although this process still has it open.

    Raises whatever the user's function raises.
    """
    retention = file.options.retention
    if retention is None:
        return
    signals.open_up()  # It may be the user's own function.
    names, permissions = file.template.names(), file.options.permissions
    exclude = None if exclude is None else behind_links(exclude)
    paths = [path for path, _ in names.files(file.options.endings) if path not in (exclude, ours)]
    owned = [OwnedFile(path, status.st_mtime) for path, status in belief.ours(paths, names, permissions)]
    if ours is not None:
        with contextlib.suppress(OSError):
            owned.append(OwnedFile(ours, os.stat(ours).st_mtime))

    def is_mine(path: str) -> bool:
        return path == ours or whose.is_old(path, names, permissions)

    refused = []
    for path in retention.expired(owned, wall_time(), is_mine):
        try:
            os.remove(path)
        except FileNotFoundError:
            pass
        except OSError as error:
            refused.append((path, error))
    _say_unremovable(file, refused)


def _say_unremovable(file: LogFile, refused: list[tuple[str, OSError]]) -> None:
    """Say of each old file once that it stays, all of one retention together."""
    new = [(path, error) for path, error in refused if path not in file.unremovable]
    file.unremovable = {path for path, _ in refused}
    if new:
        path, error = new[0]
        others = f" and {len(new) - 1} other old files" if len(new) > 1 else ""
        report.once(
            f"retention {path}",
            f"{path}{others} could not be removed ({error}), as the retention of {file.path} wants it; the rest is "
            "removed all the same. Remove it by hand, or let this user write to its directory.",
        )
