"""What MkDocs needs beside mkdocs.yml: README as the first page, and pages for files of the checkout.

The pages are written for a forge, where ``../evals/variants.toml`` leads to a file. On the site each linked file
becomes a page below ``project/``, so that every link works without knowing where the repository is.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path, PurePosixPath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
#: Pages of the navigation that are not in docs/: the site's path, and the file.
FIXED = {"index.md": "README.md"} | {f"project/{name}.md": f"{name}.md" for name in ("ARCHITECTURE", "CONTRIBUTING")}
FIXED["project/CHANGELOG.md"] = "CHANGELOG.md"
_LINK = re.compile(r"(\]\()([^)#:\s]+)((?:#[^)]*)?\))")


def site_path(name: str) -> str:
    """Where a file of the checkout is on the site, from the site's root."""
    for place, source in FIXED.items():
        if source == name:
            return place
    if name.startswith("docs/"):
        return name.removeprefix("docs/")
    if (ROOT / name).is_dir():
        return ""
    return f"project/{name}" if name.endswith(".md") else f"project/{name.lstrip('.')}.md"


def with_site_links(text: str, *, source: str) -> str:
    """A page's text with its links as the site needs them; ``source`` is its path in the checkout."""
    here = PurePosixPath(site_path(source)).parent

    def moved(found: re.Match[str]) -> str:
        name = os.path.normpath(PurePosixPath(source).parent / found[2])
        place = site_path(name) if (ROOT / name).exists() else found[2]
        return f"{found[1]}{os.path.relpath(place, here)}{found[3]}" if place else found[0].replace(found[2], "#")

    return _LINK.sub(moved, text)


def linked_files(text: str, *, source: str) -> set[str]:
    """The files outside of docs/ that a page leads to."""
    names = {os.path.normpath(PurePosixPath(source).parent / found[2]) for found in _LINK.finditer(text)}
    return {name for name in names if (ROOT / name).is_file() and not name.startswith("docs/")}


def page_of(name: str) -> str:
    """A file of the checkout as a page."""
    text = (ROOT / name).read_text("utf-8")
    if name.endswith(".md"):
        return with_site_links(text, source=name)
    return f"# {name}\n\n````{Path(name).suffix.lstrip('.') or 'text'}\n{text}\n````\n"


def notebook_page() -> str:
    """The notebook as a page: its texts, its code, and what its cells show."""
    lines = []
    for cell in json.loads((ROOT / "docs" / "codelab.ipynb").read_text("utf-8"))["cells"]:
        source = "".join(cell["source"])
        lines.append(source if cell["cell_type"] == "markdown" else f"```python\n{source}\n```")
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            text = "".join(output.get("text", data.get("text/plain", ())))
            lines.append("".join(data["text/html"]) if "text/html" in data else f"```text\n{text.rstrip()}\n```")
    return "\n\n".join([*lines, "[Download it](codelab.ipynb)"])


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add README, the other pages of the navigation, and every file that a page leads to."""
    files.append(File.generated(config, "notebook.md", content=notebook_page()))
    todo, made = list(FIXED.values()), set()
    for page in files.documentation_pages():
        todo += linked_files(page.content_string, source=f"docs/{page.src_uri}")
    while todo:
        name = todo.pop()
        if name in made:
            continue
        made.add(name)
        if name.endswith(".md"):
            todo += linked_files((ROOT / name).read_text("utf-8"), source=name)
        files.append(File.generated(config, site_path(name), content=page_of(name)))
    return files


def on_page_markdown(markdown: str, page: object, config: MkDocsConfig, files: Files) -> str:
    """Links of the pages in docs/ that leave the folder."""
    file: File = page.file  # type: ignore[attr-defined]
    return markdown if file.generated_by else with_site_links(markdown, source=f"docs/{file.src_uri}")
