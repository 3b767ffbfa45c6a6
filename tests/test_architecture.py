"""The house: packages in the order of the road a post travels, imports that only go down, doors for libraries."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SRC = ROOT / "src"
NEWSGAUGE = SRC / "newsgauge"
EMULATOR = SRC / "gemini_emulator"

#: From the ground up; the packages of one row do not import one another.
ORDER = [
    {"errors", "records"},
    {"_util"},
    {"corpora"},
    {"variants"},
    {"planning"},
    {"client", "cassettes"},
    {"tuning"},
    {"running"},
    {"recording"},
    {"scoring"},
    {"results"},
    {"gates"},
    {"report", "choosing"},
    {"cli", "pytest_plugin"},
]
FLOOR = {package: floor for floor, packages in enumerate(ORDER) for package in packages}

# A library with side effects enters by one door: the packages, or modules, that may import it.
DOORS = {
    "vcr": {"cassettes"},
    "google": {"client"},
    "httpx2": {"client", "tuning"},
    "rich": {"cli"},
    "jinja2": {"report.html.environment"},
    "mlflow": {"cli.commands.export"},
    "pytest": {"pytest_plugin"},
    "sklearn": {"corpora.twenty_newsgroups"},
    "gemini_emulator": {"client.embedded", "cli.commands.serve"},
}


def module_of(path: Path) -> str:
    """``newsgauge.gates.gate`` of a file; a package's ``__init__`` is the package."""
    return ".".join(path.relative_to(SRC).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_of(path): path for path in SRC.rglob("*.py")}


def imports_of(module: str) -> set[str]:
    """Modules that a module imports at run time, wherever in the file; type-checking blocks are left out."""
    path = MODULES[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    found: set[str] = set()
    waiting: list[ast.AST] = [ast.parse(path.read_text("utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        waiting += ast.iter_child_nodes(node)
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: package.count(".") + 2 - node.level] if node.level else []
            source = ".".join([*base, *([node.module] if node.module else [])])
            names = {f"{source}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else source for name in names}
    return found


IMPORTS = {module: imports_of(module) for module in MODULES}


def package_of(module: str) -> str:
    """The package below ``newsgauge``, or the module where it lies beside the packages; '' for newsgauge itself."""
    return module.split(".")[1] if "." in module else ""


def test_the_folder_holds_the_packages_of_the_road_and_nothing_else() -> None:
    there = {path.stem for path in NEWSGAUGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert there == {"__init__", *FLOOR}


def test_imports_between_packages_only_go_down() -> None:
    wrong = [
        f"{module} imports {imported}"
        for module, imports in sorted(IMPORTS.items())
        for imported in sorted(imports)
        if package_of(module) in FLOOR and imported.startswith("newsgauge.") and package_of(imported) in FLOOR
        if package_of(module) != package_of(imported) and FLOOR[package_of(imported)] >= FLOOR[package_of(module)]
    ]
    assert wrong == []


def test_no_module_imports_itself_by_a_detour() -> None:
    left = {module: {name for name in imports if name in MODULES} - {module} for module, imports in IMPORTS.items()}
    while ready := {module for module, imports in left.items() if not imports & left.keys()}:
        left = {module: imports for module, imports in left.items() if module not in ready}
    assert {module: sorted(imports & left.keys()) for module, imports in left.items()} == {}


def test_the_emulator_knows_nothing_of_newsgauge() -> None:
    assert [
        f"{module} imports {imported}"
        for module, imports in IMPORTS.items()
        for imported in imports
        if module.startswith("gemini_emulator") and imported.split(".")[0] in ("newsgauge", "pytest", "google")
    ] == []


def test_libraries_with_side_effects_enter_by_their_door() -> None:
    wrong = [
        f"{module} imports {imported}"
        for module, imports in sorted(IMPORTS.items())
        for imported in sorted(imports)
        if module.startswith("newsgauge") and (doors := DOORS.get(imported.split(".")[0])) is not None
        if not any(f"{module}.".startswith(f"newsgauge.{door}.") for door in doors)
    ]
    assert wrong == []


def test_the_table_of_architecture_md_has_the_packages_in_their_order() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    table = page.split("## The packages")[1].split("## Three paths through the code")[0]
    rows = [re.findall(r"`([a-z_]+)/?`", line.split("|")[1]) for line in table.splitlines() if line.startswith("| `")]
    named = [name for row in rows for name in row if name in FLOOR]
    assert set(named) >= set(FLOOR)
    packages = [row[0] for row in rows if row[0] in FLOOR]
    assert packages == sorted(packages, key=lambda name: FLOOR[name])


def test_every_file_that_architecture_md_names_is_there() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    named = set(re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.py)`", page))
    assert len(named) > 10
    assert [name for name in sorted(named) if not any((base / name).is_file() for base in (NEWSGAUGE, SRC, ROOT))] == []
