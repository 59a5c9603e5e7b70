"""The registry: what an owner publishes of its configuration, and what a worker makes of it.

It lies in a directory that only this user can enter; nothing that a worker wrote is ever unpickled. It is plain data,
with bytes in it where there is more: handlers, and values of `extra`. Whom the owner has started by fork or by
`multiprocessing` unpickles these as that library unpickles what a parent sends to its child, importing what they need.
Any other program makes of them what it can with what it has, and imports nothing for it but parts of Python.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import io
import operator
import os
import pickle
import stat
import sys
from collections.abc import Iterable
from enum import Enum, auto
from typing import Any, NamedTuple

from mplog._logger.levels import Level
from mplog._logger.settings import Activation, Settings, Versions
from mplog._logger.views import travels
from mplog._ring.wire import Represented, safe_repr
from mplog._session.place import REGISTRY, Place
from mplog._session.queue_options import QueueOptions
from mplog._sinks import report
from mplog._writer.route import RouteSpec

Packed = tuple[bytes | None, str]
"""An object pickled, or None where it cannot travel, and its `repr`."""


class PackedSettings(NamedTuple):
    """Settings for other interpreters: plain data, and bytes that are unpickled by children of their maker only."""

    extra: tuple[tuple[Packed, Packed], ...]
    """Keys and values."""
    patcher: bytes | None
    """The pickled patcher; None where there is none or it cannot travel."""
    patched: bool
    """Whether there is a patcher."""
    activation: Activation
    strict: bool | None
    queue: QueueOptions
    versions: Versions


class _Elsewhere:
    """Stands for a function or class of another program: called, it does nothing and says no."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __call__(self, *_: Any, **__: Any) -> _Elsewhere:
        return self

    def __bool__(self) -> bool:
        return False


class Kinship(Enum):
    """What the owner of a session is to this process."""

    ANCESTOR = auto()
    """It has started this process by fork or by `multiprocessing`: what it needs of the program is imported here."""

    SAME_PROGRAM = auto()
    """It runs the same program: what its main module calls `f` is what ours calls so."""

    OTHER_PROGRAM = auto()
    """Its functions are not here."""


class _Careful(pickle.Unpickler):
    """Reads what a process has written that has not started this one.

    Nothing is imported but parts of Python and of mplog, for that would run code which this program did not ask for.
    """

    def __init__(self, packed: bytes, kinship: Kinship, *, stands_in: bool) -> None:
        super().__init__(io.BytesIO(packed))
        self._own = () if kinship is Kinship.SAME_PROGRAM else ("__main__", "__mp_main__")
        self._stands_in = stands_in

    def find_class(self, module: str, name: str) -> Any:
        """The thing itself where it is the same here; else a stand-in, or an error."""
        if _is_part_of_python(module.partition(".")[0]):
            return super().find_class(module, name)
        if module in sys.modules and module not in self._own:
            # What a module does not have, it may make when it is asked, by importing another one.
            first, _, rest = name.partition(".")
            if first in vars(sys.modules[module]):
                found = vars(sys.modules[module])[first]
                return operator.attrgetter(rest)(found) if rest else found
        if self._stands_in:
            return _Elsewhere
        raise pickle.UnpicklingError(f"{module}.{name} is another program's")


def _is_part_of_python(root: str) -> bool:
    """Whether the package or module *root* is mplog, or one of Python's own and no other one of the same name."""
    if root not in sys.stdlib_module_names:
        return root == "mplog"
    loaded = sys.modules.get(root)
    path = getattr(loaded, "__file__", None)
    if loaded is None:
        spec = importlib.util.find_spec(root)
        path = spec.origin if spec is not None and spec.has_location else None
    # What has no path is built in. Below Python's own modules lie those in C, and what was installed.
    home = os.path.dirname(os.__file__) + os.sep
    return path is None or (path.startswith(home) and "-packages" not in path[len(home) :])


class _Plain(pickle.Unpickler):
    """Reads what is plain data, in classes of mplog that hold such: nothing else is found, so nothing is imported."""

    def find_class(self, module: str, name: str) -> Any:
        """One of these classes, or an error."""
        for known in (Level, PackedSettings, Activation, Versions, QueueOptions):
            if (module, name) == (known.__module__, known.__qualname__):
                return known
        raise pickle.UnpicklingError(f"{module}.{name} is no plain data")


def _program() -> str:
    """The path of the main module; empty where there is none, or not yet."""
    path = getattr(sys.modules.get("__main__"), "__file__", None)
    return os.path.realpath(path) if isinstance(path, str) else ""


def pack_settings(settings: Settings) -> PackedSettings:
    """*settings* for other interpreters."""
    return PackedSettings(
        tuple((_packed(key), _packed(value)) for key, value in settings.extra.items()),
        None if settings.patcher is None else _pickled(settings.patcher),
        settings.patcher is not None or settings.owner_patches,
        settings.activation,
        settings.strict,
        settings.queue,
        settings.versions,
    )


def follow(mine: Settings, theirs: PackedSettings, seen: Versions, kinship: Kinship = Kinship.ANCESTOR) -> Settings:
    """*mine* with what the owner has changed since its settings had versions *seen*."""
    changes: dict[str, Any] = {}
    if theirs.versions.extra != seen.extra:
        changes["extra"] = {_unpickled(*key, kinship): _unpickled(*value, kinship) for key, value in theirs.extra}
    if theirs.versions.patcher != seen.patcher:
        patcher = None if theirs.patcher is None else _unpickled(theirs.patcher, "", kinship)
        changes["patcher"] = patcher if callable(patcher) else None
        changes["owner_patches"] = theirs.patched and changes["patcher"] is None
    if theirs.versions.activation != seen.activation:
        changes["activation"] = theirs.activation
    if theirs.versions.strict != seen.strict:
        changes["strict"] = theirs.strict
    if theirs.versions.queue != seen.queue:
        changes["queue"] = theirs.queue
    return dataclasses.replace(mine, **changes) if changes else mine


def _packed(value: object) -> Packed:
    return _pickled(value), safe_repr(value)


def _pickled(value: object) -> bytes | None:
    try:
        return pickle.dumps(value)
    except Exception:  # noqa: BLE001 - whatever a user's object raises when it is pickled
        return None


def _load(packed: bytes, kinship: Kinship, *, stands_in: bool = False) -> Any:
    if kinship is Kinship.ANCESTOR:
        return pickle.loads(packed)
    return _Careful(packed, kinship, stands_in=stands_in).load()


def _unpickled(packed: bytes | None, shown: str, kinship: Kinship) -> Any:
    if packed is not None:
        try:
            return _load(packed, kinship)
        except Exception:  # noqa: BLE001 - importing a user's module may raise anything
            pass
    return Represented(shown)


def pack(
    levels: dict[str, Level], specs: list[RouteSpec], settings: Settings, left: Iterable[str] = ()
) -> dict[str, Any]:
    """What `Host.publish` writes down; see `read`."""
    return {
        "levels": dict(levels),
        "routes": [_portable(spec) for spec in specs],
        "settings": pack_settings(settings),
        "program": _program(),
        "left": list(left),
    }


class Published(NamedTuple):
    """What an owner has published, as it is here."""

    levels: dict[str, Level]
    routes: list[RouteSpec]
    settings: PackedSettings
    kinship: Kinship
    program: str
    """The path of its main module; empty where it has none."""
    left: list[str]
    """Paths of files whose handlers it has removed, and perhaps added again since."""


def letter(place: Place) -> bytes:
    """What the owner of *place* has published last, for `unpack` in a child; empty where it cannot be read."""
    try:
        return _content(place) or b""
    except OSError:
        return b""


def _content(place: Place) -> bytes | None:
    """What is in the file; None where that is another user's, or none. Raises OSError."""
    # Not blocking: the opening of a FIFO, which somebody may have put there, would wait for a writer.
    fd = os.open(os.path.join(place.path, REGISTRY), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    with open(fd, "rb") as file:
        status = os.fstat(fd)
        return file.read() if status.st_uid == os.geteuid() and stat.S_ISREG(status.st_mode) else None


def unpack(letter: bytes) -> Published | None:
    """What `letter` has read, in a child of the owner or of its worker; None where that was nothing."""
    try:
        return _published(_Plain(io.BytesIO(letter)).load(), Kinship.ANCESTOR)
    except Exception:  # noqa: BLE001 - as in `read`
        return None


def _published(found: dict[str, Any], kinship: Kinship) -> Published:
    routes = [_unpacked(packed, kinship) for packed in found["routes"]]
    return Published(found["levels"], routes, found["settings"], kinship, found["program"], found["left"])


def read(place: Place, kinship: Kinship | None = None) -> Published | None:
    """What the owner of *place*, which is of *kinship* (found out where that is None), has published last.

    None when its session is gone.
    """
    try:
        content = _content(place)
        if content is None:
            return None
        found = _Plain(io.BytesIO(content)).load()
        return _published(found, _kinship_to(place, _program(), found["program"]) if kinship is None else kinship)
    except PermissionError as error:
        report.once(
            "registry",
            f"process {os.getpid()} may no longer read {place.path} ({error}), because it is another user now. It goes "
            "on with the configuration that it has.",
        )
        return None
    except (OSError, EOFError):
        return None
    except Exception as error:  # noqa: BLE001 - another version's objects may fail in any way, at the program's start
        report.once(
            "registry",
            f"process {place.control.identity.pid} has another version of mplog ({error!r}); this process does not "
            "follow its configuration. Use one version in both.",
        )
        return None


def _kinship_to(place: Place, mine: str, theirs: str) -> Kinship:
    if mine and theirs and mine != theirs:
        return Kinship.OTHER_PROGRAM
    if not place.was_looked_for:
        return Kinship.ANCESTOR
    return Kinship.SAME_PROGRAM if mine and theirs else Kinship.OTHER_PROGRAM


def _portable(spec: RouteSpec) -> tuple[bytes, bytes]:
    """*spec* as bytes for other interpreters: as it is where that can travel, and without any callable.

    In the second form filter and format stay with the owner, who gets records as data.
    """
    file = spec.file
    if file is not None:
        file = dataclasses.replace(file, opener=None)
        for name in ("rotation", "retention", "compression"):
            if not travels(getattr(file, name)):
                file = dataclasses.replace(file, **{name: None})  # type: ignore[arg-type]  # one name at a time
    is_whole = not callable(spec.format) and not callable(spec.filter)
    plain = dataclasses.replace(
        spec,
        format=None if callable(spec.format) else spec.format,
        filter=None if callable(spec.filter) else spec.filter,
        as_data=spec.as_data or not is_whole,
        is_whole=is_whole,
        file=file,
    )
    bare = pickle.dumps(plain)
    return (pickle.dumps(spec) if travels(spec) else bare), bare


def _unpacked(packed: tuple[bytes, bytes], kinship: Kinship) -> RouteSpec:
    """The spec that `_portable` made; a callable that cannot be found here (yet) leaves its work to the owner."""
    spec: RouteSpec
    try:
        spec = _load(packed[0], kinship)
    except Exception:  # noqa: BLE001 - importing a user's module may raise anything
        spec = _load(packed[1], kinship, stands_in=True)
    return spec
