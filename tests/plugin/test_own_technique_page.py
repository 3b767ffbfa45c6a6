"""What docs/own-technique.md shows is recorded, replayed and gated as it stands there."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.doc_blocks import ROOT, blocks

OWN = ["few-shot", "reasoned", "vote", "two-steps", "linear"]
CASSETTES = Path("cassettes/embedded/bundled")


def shown(language: str) -> list[str]:
    return [block.text for block in blocks(ROOT / "docs" / "own-technique.md") if block.language == language]


def lines(variant: str) -> list[dict[str, Any]]:
    return [json.loads(raw) for raw in (CASSETTES / f"{variant}.jsonl").read_text().splitlines()]


def test_every_block_of_the_page_works_as_it_stands(project: pytest.Pytester) -> None:
    variants = [block for block in shown("toml") if "[embedded." not in block]
    gates = [block for block in shown("toml") if "[embedded." in block]
    Path("evals/my_techniques.py").write_text("".join(shown("python")))
    with Path("evals/variants.toml").open("a") as file:
        file.write("\n" + "\n".join(variants))
    Path("evals/gates.toml").write_text("\n".join(gates))

    recorded = project.runpytest_inprocess("evals", "--variants", ",".join(OWN), "--record-mode", "once")
    assert recorded.ret == 0
    answered = recorded.parseoutcomes()
    assert answered["passed"] + answered["xfailed"] == 8 * len(OWN)
    replayed = project.runpytest_inprocess("evals", "--variants", ",".join([*OWN, "tuned"]))
    replayed.stdout.fnmatch_lines(["*few-shot shows 4 training posts as examples*", "*tuned-beats-linear: *"])
    answered = replayed.parseoutcomes()
    assert answered["passed"] + answered["xfailed"] == 8 * 6, "only the gate may fail: 8 posts prove little"
    assert answered.get("failed", 0) <= 1

    calls = {name: Counter(line["key"].partition("~")[0] for line in lines(name)) for name in ("vote", "two-steps")}
    assert set(calls["vote"].values()) == {3}
    assert set(calls["two-steps"].values()) == {2}
    assert not (CASSETTES / "linear.jsonl").exists()
    assert "What is this mail about, in one sentence?" in (CASSETTES / "two-steps.jsonl").read_text()
    example = next(part for part in lines("few-shot")[0]["request"]["body"]["systemInstruction"]["parts"][0]["text"]
                   if isinstance(part, dict))  # fmt: skip
    assert re.fullmatch(r"example sci\.(space|med)-\d+", example["of"])
    assert example["chars"] <= 300
