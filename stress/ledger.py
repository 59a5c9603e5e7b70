"""The ledger for programs under test, read from its file without importing the package that it lies in.

``import mplog.cli`` imports mplog, which watches forks from then on. A program that tortures another library shall
have nothing of mplog in it, and one that tortures mplog shall import it where its user would.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mplog.cli._ledger import GO, HOLD, STOP, Ledger, LedgerSlot
else:
    _package = importlib.util.find_spec("mplog")
    _file = Path(_package.origin).parent / "cli" / "_ledger.py"
    _spec = importlib.util.spec_from_file_location("stress._ledger_alone", _file)
    _module = importlib.util.module_from_spec(_spec)
    sys.modules[_spec.name] = _module
    _spec.loader.exec_module(_module)
    GO, HOLD, STOP, Ledger, LedgerSlot = (
        getattr(_module, name) for name in ("GO", "HOLD", "STOP", "Ledger", "LedgerSlot")
    )

__all__ = ["GO", "HOLD", "STOP", "Ledger", "LedgerSlot"]
