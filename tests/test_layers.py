"""Imports go down only, and what may have one door has one."""

from __future__ import annotations

import ast
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "newsgauge"

LAYERS = {
    0: {"__init__", "errors", "records"},
    1: {
        *("newsgroups", "corpus", "tables", "threads", "preprocessing", "sampling", "answers", "stats"),
        *("variants", "variant_checks", "refusals", "retrying", "locks", "prices", "tokens", "toml_files"),
        *("callables", "tap", "sharding", "inifile", "memory", "ci"),
    },
    2: {
        *("cassettes", "backends", "sdk_arguments", "buckets", "tuning", "endpoint"),
        *("results", "scoreboard", "comparisons", "baselines", "baseline_diff", "runfolder", "runs_compared"),
        *("planfile", "merging", "examples"),
    },
    3: {
        *("setup", "run", "preflight", "gates", "report", "guard", "assertions", "token_assertions", "publishing"),
        *("asked_models", "written", "exhibits", "bulk", "finishing", "starter", "techniques", "estimators"),
        *("backend_access", "classifying", "tuned_lookup", "tuning_access"),
    },
    4: {
        *(
            "options",
            "committed",
            "judge",
            "recording",
            "redaction",
            "publisher",
            "progress",
            "light_reports",
            "plugin",
            "machines",
        ),
        *("entry", "cases", "offline", "diagnosis", "commands", "cli"),
    },
}
LAYER_OF = {module: layer for layer, modules in LAYERS.items() for module in modules}

# A library with side effects enters by one door.
DOORS = {
    "vcr": {"cassettes"},
    "tenacity": {"retrying"},
    "google": {"backends", "sdk_arguments", "buckets"},
    "starlette": {"endpoint"},
    "uvicorn": {"endpoint"},
    "httpx2": {"backends", "tap", "tuning"},
    "rich": {"commands"},
    "PIL": {"tuning"},
    "pytest": {
        "entry",
        "cases",
        "offline",
        "options",
        "judge",
        "recording",
        "redaction",
        "publisher",
        "progress",
        "light_reports",
        "plugin",
        "machines",
    },
    "sklearn": {"newsgroups", "endpoint"},
}


def imports_of(path: Path) -> set[str]:
    """Absolute names of what a module imports at run time, wherever in the file; type-checking blocks left out."""
    tree = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(tree):
        for name in ("body", "orelse"):
            block = getattr(node, name, None)
            if isinstance(block, list):
                setattr(node, name, [child for child in block if not _is_type_checking(child)])
    package = ["newsgauge", *path.relative_to(PACKAGE).parts[:-1]]
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            found |= {f"{module}.{alias.name}" for alias in node.names} if not node.module else {module}
    return found


def _is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def top_module(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def test_every_module_has_a_layer() -> None:
    there = {top_module(path) for path in PACKAGE.rglob("*.py")}
    assert there == set(LAYER_OF)


def test_imports_go_down_only() -> None:
    wrong = []
    for path in sorted(PACKAGE.rglob("*.py")):
        importer = top_module(path)
        for name in imports_of(path):
            parts = name.split(".")
            if parts[0] != "newsgauge":
                continue
            imported = parts[1] if len(parts) > 1 and parts[1] in LAYER_OF else "__init__"
            if imported != importer and LAYER_OF[imported] > LAYER_OF[importer]:
                wrong.append(f"{path.relative_to(PACKAGE)} (L{LAYER_OF[importer]}) imports {imported}")
    assert wrong == []


def test_modules_of_a_layer_do_not_import_each_other_in_a_circle() -> None:
    edges: dict[str, set[str]] = {module: set() for module in LAYER_OF}
    for path in PACKAGE.rglob("*.py"):
        importer = top_module(path)
        for name in imports_of(path):
            parts = name.split(".")
            if parts[0] == "newsgauge" and len(parts) > 1 and parts[1] in LAYER_OF and parts[1] != importer:
                edges[importer].add(parts[1])
    done: set[str] = set()
    while ready := {module for module in edges if module not in done and edges[module] <= done}:
        done |= ready
    assert set(edges) - done == set()


def test_the_embedded_backend_sees_only_the_errors() -> None:
    seen = {
        name
        for path in (PACKAGE / "endpoint").rglob("*.py")
        for name in imports_of(path)
        if name.startswith("newsgauge.") and not name.startswith("gemini_emulator")
    }
    assert seen <= {"newsgauge.errors"}


def test_libraries_with_side_effects_enter_by_their_door() -> None:
    wrong = [
        f"{path.relative_to(PACKAGE)} imports {name}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for name in imports_of(path)
        if name.split(".")[0] in DOORS and top_module(path) not in DOORS[name.split(".")[0]]
    ]
    assert wrong == []
