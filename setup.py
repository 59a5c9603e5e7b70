"""What pyproject.toml cannot say: the README as a package index shows it.

There a link that is relative leads nowhere and a picture is not to be had, so that the README is made to stand alone.
"""

import re
from pathlib import Path

from setuptools import setup

PAGES = "The pages that this text names are in the source archive.\n"


def alone(text: str) -> str:
    """*text*, which is Markdown, without what needs the files beside it: relative links, their pictures, comments."""
    lines: list[str] = []
    for paragraph in re.split(r"(?s)(```.*?\n```\n)", text):
        if paragraph.startswith("```"):
            lines.append(paragraph)
            continue
        paragraph = re.sub(r"(?s)<!--.*?-->\n?", "", paragraph)
        # The sentence before a picture ends there then.
        paragraph = re.sub(r":\n\n!\[[^]]*\]\((?!https?:)[^)]*\)\n", ".\n", paragraph)
        paragraph = re.sub(r"!\[[^]]*\]\((?!https?:)[^)]*\)\n?", "", paragraph)
        lines.append(re.sub(r"\[((?:[^][]|\[[^]]*\])*)\]\((?!https?:|#)[^)]*\)", r"\1", paragraph))
    title, _, rest = "".join(lines).partition("\n")
    return re.sub(r"\n{3,}", "\n\n", f"{title}\n\n{PAGES}{rest}")


setup(
    long_description=alone((Path(__file__).parent / "README.md").read_text(encoding="utf-8")),
    long_description_content_type="text/markdown",
)
