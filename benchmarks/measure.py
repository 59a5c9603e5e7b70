"""One measurement in a process of its own: ``python -m benchmarks.measure SUBJECT CONTENDER RECORDS PATH``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from benchmarks import disabled_call, owner_call, standard_rate, strangers_rate, tree_rate, worker_call

SUBJECTS = {
    module.SUBJECT.name: module.SUBJECT
    for module in (worker_call, owner_call, tree_rate, standard_rate, strangers_rate, disabled_call)
}


def main(arguments: list[str]) -> None:
    """Measure and print the figure, or be one of the strangers."""
    name, contender, records, path = arguments
    if name == strangers_rate.STRANGER_COMMAND:
        strangers_rate.run_stranger(contender, int(records), Path(path))
        return
    print(json.dumps(SUBJECTS[name].measure(contender, int(records), Path(path))))


if __name__ == "__main__":
    main(sys.argv[1:])
