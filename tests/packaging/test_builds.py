"""What is built and installed: with a compiler, without one, and from the source archive."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from compilers import CAN_BUILD

ROOT = Path(__file__).resolve().parents[2]

PROGRAM = """
import multiprocessing, sys
from mplog import _native, logger

def work():
    logger.info("worker")

if __name__ == "__main__":
    logger.remove()
    logger.add("app.log", format="{message}")
    child = multiprocessing.get_context("spawn").Process(target=work)
    child.start()
    child.join()
    print("in C" if _native.core is not None else "in Python")
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A copy of what a build looks at, as it leaves things in the directory that it builds."""
    copy = tmp_path / "source"
    copy.mkdir()
    for name in ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    shutil.copytree(ROOT / "mplog", copy / "mplog", ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    return copy


def build(source: Path, what: str, where: Path, compiler: str | None = None) -> tuple[Path, str]:
    """Build a wheel or a source archive with the tools of this environment; where it is, and what was said."""
    where.mkdir()
    hook = f"import sys; from setuptools import build_meta; build_meta.build_{what}(sys.argv[1])"
    ended = subprocess.run(
        [sys.executable, "-c", hook, str(where)],
        cwd=source,
        env={**os.environ, **({} if compiler is None else {"CC": compiler})},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    (path,) = where.iterdir()
    return path, ended.stdout + ended.stderr


def run(wheel: Path, here: Path) -> str:
    """Run a program with what is in *wheel* and nothing of the source; what it printed."""
    here.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(here / "installed")
    (here / "program.py").write_text(PROGRAM)
    ended = subprocess.run(
        [sys.executable, "program.py"],
        cwd=here,
        env={**os.environ, "PYTHONPATH": str(here / "installed"), "MPLOG_RUNTIME_DIR": str(here / "runtime")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert (here / "app.log").read_text() == "worker\n"
    return ended.stdout


def test_without_a_compiler_the_package_is_whole(source: Path, tmp_path: Path) -> None:
    """It installs and logs."""
    wheel, _ = build(source, "wheel", tmp_path / "wheel", "/bin/false")
    assert run(wheel, tmp_path / "here") == "in Python\n"


@pytest.mark.skipif(not CAN_BUILD, reason="no compiler")
def test_with_a_compiler_a_part_is_in_c(source: Path, tmp_path: Path) -> None:
    """Without a warning; its source is in the archive and not in the wheel, and the archive builds the same."""
    wheel, said = build(source, "wheel", tmp_path / "wheel")
    assert "core.c:" not in said, said
    assert run(wheel, tmp_path / "here") == "in C\n"
    names = zipfile.ZipFile(wheel).namelist()
    assert {"mplog/py.typed", "mplog/__init__.pyi", "mplog/_native/_core.pyi"} <= set(names)
    assert not [name for name in names if not name.startswith(("mplog/", "mplog-")) or name.endswith((".c", ".h"))]
    archive, _ = build(source, "sdist", tmp_path / "sdist")
    with tarfile.open(archive) as file:
        file.extractall(tmp_path / "unpacked", filter="data")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    again, _ = build(unpacked, "wheel", tmp_path / "again")
    assert set(zipfile.ZipFile(again).namelist()) == set(names)


@pytest.mark.skipif(not CAN_BUILD, reason="no compiler")
def test_this_environment_has_it() -> None:
    """Else the tests of what is in C would test nothing."""
    from mplog._native import core

    assert core is not None
