"""``newsgauge cassettes``: maintains the committed recordings. Options in, lines and an exit status out.

0: nothing found, or done. 1: something must not be committed as it is, or a plan is not answered. 2: a usage error.
"""

from __future__ import annotations

import argparse
import atexit
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from ..._util.option_values import says_yes
from ..._util.pytest_ini import Folders
from ...cassettes.asked_again import forget_asked
from ...cassettes.audit import Finding, audit_file, find_orphans, find_quotations, strings_of
from ...cassettes.blocked_attempts import take_attempts
from ...cassettes.line import Line, case_of
from ...cassettes.network_block import end_block, network_blocked, start_block
from ...cassettes.services import add_services, named_service
from ...cassettes.store import CassetteFile
from ...client.answers import add_usage, read_usage
from ...client.clients import import_sdk
from ...corpora.corpus import find_corpus
from ...corpora.twenty_newsgroups import TWENTY, has_twenty_newsgroups
from ...errors import UsageError
from ...recording.pending import ResumeFile
from ...records import case_id, shown_id
from ...running.plans_file import CommittedPlan, load_plans, plan_options, wanted_keys
from ...running.results_log import ResultLog
from ...running.run import Run
from ..backend_options import add_folder_options, folders_of, recording_lock

#: The name of a test in pytest, with the case in brackets.
_NODE = re.compile(r".*?::[^\[]*\[(.*)\]")


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of ``newsgauge cassettes``."""
    parser.description = "Check, show and tidy up the recordings of a project."
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, (_, about) in _ACTIONS.items():
        action = actions.add_parser(name, help=about, description=about)
        if name == "show":
            # What begins with a dash and is no option is a case, as of the label -1.
            action._negative_number_matcher = re.compile("-")
            action.add_argument("case", metavar="CASE", help="label and id, such as billing-12, or a test's name")
        if name == "prune":
            action.add_argument("--yes", action="store_true", help="drop them without asking")
            action.add_argument("--paid", action="store_true", help="also what was recorded from a paid backend")
        add_folder_options(action, cassettes=True)


def handle(options: argparse.Namespace) -> int:
    """Do one action. Raises `UsageError`, or another `NewsgaugeError` about a file."""
    folders = folders_of(options)
    add_services(folders.root / folders.evals / "services.toml")
    if not _paths(folders):
        place = folders.root / folders.cassettes
        raise UsageError(f"cassettes {options.action}: expected cassettes in {place}, there is none; see --root")
    return int(_ACTIONS[options.action][0](folders, options))


def _check(folders: Folders, options: argparse.Namespace) -> int:
    wanted, unknown = wanted_keys(load_plans(folders))
    findings: list[Finding] = []
    for path in _paths(folders):
        shown = _shown(path, folders)
        findings += audit_file(path, shown=shown)
        name = _name(path)
        if name.rpartition("/")[0] not in unknown:
            findings += find_orphans(path, wanted.get(name), shown=shown)
    if has_twenty_newsgroups():
        findings += _real_text(folders)
    else:
        print("not checked, as 20 Newsgroups is not on this machine: whether a line holds text of it")
    for folder, why in sorted(unknown.items()):
        print(f"not checked, as {why}: orphans in {folders.cassettes}/{folder}")
    for finding in findings:
        print(finding)
    print(f"{len(_paths(folders))} files checked, {len(findings)} {'finding' if len(findings) == 1 else 'findings'}")
    return 1 if findings else 0


def _verify(folders: Folders, options: argparse.Namespace) -> int:
    plans, n_asked, broken = load_plans(folders), 0, []
    import_sdk()
    start_block()
    try:
        for plan in plans:
            if plan.setup is None:
                print(f"not verified, as {plan.why}: {_named(plan)}")
                continue
            run = Run(plan.setup, ResultLog(folders.root / ".newsgauge", "verify"))
            for case in plan.setup.recorded_cases:
                n_asked += 1
                problem = run.why_not_answered(case)
                if problem is not None:
                    broken.append(f"{_named(plan)}: {problem}")
            run.close()
        left = take_attempts()
        broken += [f"after the last case: {left}"] if left else []
    finally:
        end_block()
        # On again before what a callable of the project's registered to be called at the end of the process.
        atexit.register(network_blocked.__enter__)
    for line in broken:
        print(line)
    print(f"{n_asked} planned cases replayed, {len(broken)} without an answer")
    return 1 if broken else 0


def _show(folders: Folders, options: argparse.Namespace) -> int:
    n_shown = 0
    node = _NODE.fullmatch(options.case)
    case = node[1] if node else options.case
    named = (case, case.replace("\\\\", "\\"))  # pytest doubles a backslash
    for file in _files(folders):
        names = {name.removesuffix(suffix) for name in named for suffix in ("", f"-{file.path.stem}")}
        keys = file.keys()
        for key in keys:
            case = case_of(key)
            written = {case, unquote(case), case_id(case, "").removesuffix("-")}
            if written & names and (line := file.read(key)) is not None:
                print("\n".join(_described(line, f"{file.shown}:{file.line_number(key)}")))
                n_shown += 1
    if not n_shown:
        raise UsageError(
            f"no cassette holds {options.case!r}; a case is named by its label and id, such as "
            "billing-12 or billing-12-tuned, or as pytest names its test"
        )
    return 0


def _stats(folders: Folders, options: argparse.Namespace) -> int:
    total_cases = total_bytes = 0
    for file in _files(folders):
        lines = list(file.lines())
        size = file.path.stat().st_size
        n_cases = len({case_of(line.key) for line in lines})
        total_cases, total_bytes = total_cases + n_cases, total_bytes + size
        calls = "" if n_cases == len(lines) else f" of {len(lines):,} calls"
        print(f"{file.shown}: {n_cases:,} cases{calls}, {size:,} bytes")
        for name in ("model", "model_version", "sdk"):
            counted = Counter(line.provenance.get(name, "unknown") for line in lines)
            print(f"  {name}: " + ", ".join(f"{value} ({n})" for value, n in sorted(counted.items())))
        dates = sorted(line.provenance.get("recorded", "") for line in lines)
        usage = add_usage(read_usage(named_service(line.service).usage(line.answer)) for line in lines)
        thinking = f", of it thinking {usage.thinking_tokens:,}" if usage.thinking_tokens else ""
        tokens = f"tokens in {usage.input_tokens:,}, out {usage.output_tokens:,}{thinking}"
        print(f"  recorded: {dates[0]} to {dates[-1]}; {tokens}" if dates else "  empty")
    print(f"in all {total_cases:,} cases, {total_bytes:,} bytes")
    return 0


def _prune(folders: Folders, options: argparse.Namespace) -> int:
    wanted, unknown = wanted_keys(load_plans(folders))
    drops: list[CassetteFile] = []
    status = 0
    for file in _files(folders):
        if why := unknown.get(_name(file.path).rpartition("/")[0]):
            print(f"{file.shown}: left as it is, as {why}")
            continue
        kept, there = wanted.get(_name(file.path), set()), set(map(case_of, file.keys()))
        if not there - kept:
            continue
        if file.path.parent.parent.name != "embedded" and not options.paid:
            print(f"{file.shown}: left as it is: {len(there - kept):,} cases of a paid backend; drop them with --paid")
            status = 1
            continue
        print(f"{file.shown}: {len(there - kept):,} of {len(there):,} cases that no plan asks for")
        drops.append(file)
    if drops and not options.yes:
        if not sys.stdin.isatty():
            print("nothing dropped: to drop them, say --yes")
            return 1
        if not says_yes(f"Drop them from {len(drops)} files?"):
            return 1
    if not drops:
        return status
    with recording_lock(folders.root):  # a recording writes down its plan when it ends
        (wanted, _), is_over = wanted_keys(load_plans(folders)), _is_over(folders)
        for file in drops:
            is_changed = file.finalize(keep=wanted.get(_name(file.path), set()), remove_empty=True, is_over=is_over)
            if not file.path.exists():
                forget_asked(file.path.parent, file.path.stem)
            done = "removed" if not file.path.exists() else "dropped" if is_changed else "left as it is"
            print(f"{file.shown}: {done}")
    return status


def _plans(folders: Folders, options: argparse.Namespace) -> int:
    for plan in load_plans(folders):
        if plan.setup is not None:
            print(folders.command + plan_options(plan.table, folders.ini))
        elif plan.table:
            print(f"not replayed, as {plan.why}: {_named(plan)}", file=sys.stderr)
    return 0


def _finalize(folders: Folders, options: argparse.Namespace) -> int:
    with recording_lock(folders.root):
        is_over = _is_over(folders)
        for file in _files(folders):
            if file.finalize(is_over=is_over):
                print(f"{file.shown}: rewritten")
    if not is_over:
        print(
            "kept twice: cases that an interrupted recording of everything has asked again; run its command again to "
            "complete it, or delete .newsgauge/record.json and run this again"
        )
    return 0


def _is_over(folders: Folders) -> bool:
    """Whether no recording of everything waits to be continued."""
    return ResumeFile.within(folders.root / ".newsgauge").is_empty


def _real_text(folders: Folders) -> list[Finding]:
    corpus = find_corpus(TWENTY, bundled=folders.root)
    theirs = "\n".join(post.raw for posts in (corpus.posts("train"), corpus.posts("test")) for post in posts)
    ours: dict[str, list[str]] = {}
    for path in _paths(folders):
        for number, raw in enumerate(path.read_bytes().splitlines(), 1):
            try:
                ours[f"{_shown(path, folders)}:{number}"] = list(strings_of(json.loads(raw)))
            except ValueError:
                ours[f"{_shown(path, folders)}:{number}"] = [raw.decode("latin-1")]
    findings = []
    for place, passages in find_quotations(ours, theirs).items():
        file, _, line_number = place.rpartition(":")
        findings.append(Finding(file, int(line_number), f"holds {len(passages)} passages of 20 Newsgroups"))
    return findings


def _described(line: Line, where: str) -> Iterator[str]:
    came = line.provenance
    yield f"{where}  {shown_id(line.key)}"
    version = f" as {came['model_version']}" if "model_version" in came else ""
    yield f"  {came.get('model')} of backend {came.get('backend')} answered{version}"
    yield f"  recorded {came.get('recorded')} with {came.get('sdk')}, newsgauge {came.get('newsgauge')}"
    yield f"  {line.method} {line.path}"
    for part, value in line.body.items() if isinstance(line.body, dict) else ():
        yield f"  {part}: {_text_of(value)}"
    for candidate in line.answer.get("candidates") or ():
        yield f"  -> {_text_of(candidate.get('content', {}))} ({candidate.get('finishReason', 'no finish reason')})"
    if "totalTokens" in line.answer:
        yield f"  -> {line.answer['totalTokens']} tokens"


def _text_of(value: object) -> str:
    """The texts in a part of a request or answer; a post appears as its length and the start of its hash."""
    if isinstance(value, dict):
        if {"chars", "sha256"} <= set(value) <= {"chars", "sha256", "of"}:
            of = str(value.get("of", ""))
            what = {"": "a text", "made": "a text"}.get(of, of)
            return f"[{what} of {value['chars']} characters, sha256 {str(value['sha256'])[:12]}]"
        inner = {name: item for name, item in value.items() if name != "role"}
        if inner and set(inner) <= {"parts", "text"}:
            return " ".join(_text_of(item) for item in inner.values())
        return ", ".join(f"{name} {_text_of(item)}" for name, item in inner.items()) or "nothing"
    if isinstance(value, list):
        return " ".join(_text_of(item) for item in value)
    return str(value)


def _named(plan: CommittedPlan) -> str:
    return plan.about or plan.folder


def _paths(folders: Folders) -> list[Path]:
    return sorted((folders.root / folders.cassettes).glob("*/*/*.jsonl"))


def _shown(path: Path, folders: Folders) -> str:
    inside = path.is_relative_to(folders.root)
    return (path.relative_to(folders.root) if inside else path).as_posix()


def _name(path: Path) -> str:
    """``backend/corpus/variant.jsonl``, the name of a file in plans."""
    return "/".join(path.parts[-3:])


def _files(folders: Folders) -> Iterator[CassetteFile]:
    return (CassetteFile(path, shown=_shown(path, folders)) for path in _paths(folders))


_ACTIONS = {
    "check": (_check, "find what must not be committed: damage, duplicates, orphans, secrets, addresses, copied texts"),
    "verify": (_verify, "replay every case of the plans in PLANS.toml, offline"),
    "show": (_show, "what was asked and answered for one case, by every variant"),
    "stats": (_stats, "cases, bytes, models, dates and tokens of each file"),
    "plans": (_plans, "the command that replays and gates each plan of PLANS.toml, one per line, for CI"),
    "prune": (_prune, "drop the lines that no plan in PLANS.toml asks for"),
    "finalize": (_finalize, "sort lines, drop duplicates, write the current format; answers stay as they are"),
}
