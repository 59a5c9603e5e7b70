import lzma
import os
import shutil

from mplog import logger


def to_archive(path):
    """Compress *path* as strongly as possible into another directory."""
    os.makedirs("archive.logs", exist_ok=True)
    target = os.path.join("archive.logs", os.path.basename(path) + ".xz")
    part = target + ".part"
    with open(path, "rb") as source, lzma.open(part, "wb", preset=9) as archive:
        shutil.copyfileobj(source, archive)
    os.replace(part, target)
    os.remove(path)


logger.remove()
logger.add("app.log", rotation="10 KB", compression=to_archive, format="{message}")

for number in range(2000):
    logger.info("line {}", number)
