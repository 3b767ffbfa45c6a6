"""What gates.toml may say; whatever cannot be meant is an error that names what is known."""

from __future__ import annotations

from pathlib import Path

import pytest

from newsgauge.errors import GatesError
from newsgauge.gates.baseline_gate import BaselineGate
from newsgauge.gates.comparison_gate import ComparisonGate
from newsgauge.gates.findings import Limit
from newsgauge.gates.gate import Gate
from newsgauge.gates.gates_file import load_gates
from newsgauge.gates.limits_gate import LimitsGate

VARIANTS = ("bare", "system", "tuned")
HEAD = "[embedded.bundled.tuned]\n"


def load(folder: Path, text: str) -> tuple[Gate, ...]:
    path = folder / "gates.toml"
    path.write_text(text)
    return load_gates(path, backend="embedded", corpus="bundled", known=VARIANTS)


def test_limits_come_first_then_comparisons_then_the_baseline(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        """
        [embedded.bundled.tuned]
        max_drop = { limit = 0.05, reason = "a" }
        beats = { variant = "system", by_at_least = 0.2, reason = "b" }
        min_accuracy = { limit = 0.5, reason = "c", bound = "value" }
        max_input_tokens_mean = { limit = 400, reason = "d" }
        [embedded.bundled.bare]
        max_accuracy = { limit = 0, reason = "e" }
        [gemini.bundled.bare]
        max_accuracy = { limit = 0.1, reason = "another backend's" }
        """,
    )
    assert found == (
        LimitsGate(
            "tuned", "tuned", (Limit("min_accuracy", 0.5, "c", "value"), Limit("max_input_tokens_mean", 400, "d"))
        ),
        LimitsGate("bare", "bare", (Limit("max_accuracy", 0, "e"),)),
        ComparisonGate("tuned-beats-system", "tuned", "system", 0.2, "b"),
        BaselineGate("tuned-baseline", "tuned", 0.05, "a"),
    )


def test_the_smallest_and_the_largest_limit_that_a_sample_can_be_held_to_are_limits(tmp_path: Path) -> None:
    (least,) = load(tmp_path, HEAD + 'max_drop = { limit = 0.000001, reason = "r" }')
    assert least == BaselineGate(f"{least.variant}-baseline", least.variant, 0.000001, "r")
    (most,) = load(tmp_path, HEAD + 'min_accuracy = { limit = 0.999999, reason = "r" }')
    assert most == LimitsGate(most.variant, most.variant, (Limit("min_accuracy", 0.999999, "r"),))


def test_the_mark_that_an_editor_begins_a_file_with_is_no_part_of_it(tmp_path: Path) -> None:
    text = HEAD + 'min_accuracy = { limit = 0.5, reason = "r" }'
    assert load(tmp_path, f"\ufeff{text}") == load(tmp_path, text) != ()


def test_several_comparisons_stand_in_a_list_and_one_is_primary(tmp_path: Path) -> None:
    text = HEAD + 'beats = [{ variant = "system", reason = "a", primary = true }, { variant = "bare", reason = "b" }]'
    found = load(tmp_path, text)
    assert [(gate.name, getattr(gate, "primary", None)) for gate in found] == [
        ("tuned-beats-system", True),
        ("tuned-beats-bare", False),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            'min_acuracy = { limit = 0.5, reason = "r" }',
            "unknown limit 'min_acuracy'; known: min_accuracy, max_accuracy",
        ),
        ('min_accuracy = { limit = 1.01, reason = "r" }', "min_accuracy: expected 'limit' from 0 to 1, got 1.01"),
        ('min_accuracy = { limit = nan, reason = "r" }', "expected 'limit' from 0 to 1, got nan"),
        ('min_accuracy = { limit = true, reason = "r" }', "expected 'limit' from 0 to 1, got True"),
        ('min_accuracy = { limit = "0.5", reason = "r" }', "expected 'limit' from 0 to 1, got '0.5'"),
        ('min_accuracy = { limit = 0, reason = "r" }', "a limit of 0 holds whatever is answered"),
        ('max_error_rate = { limit = 1, reason = "r" }', "a limit of 1 holds whatever is answered"),
        ('max_input_tokens_mean = { limit = 0, reason = "r" }', "expected 'limit' above 0, got 0"),
        ('max_output_tokens_mean = { limit = inf, reason = "r" }', "expected 'limit' above 0, at most 1e+12"),
        ('max_thinking_tokens_mean = { limit = -1, reason = "r" }', "expected 'limit' from 0, got -1"),
        (
            "min_accuracy = 0.5",
            "with a non-empty reason; also known: bound, classes; got 0.5",
        ),
        ('min_accuracy = { limit = 0.5, reason = " " }', "with a non-empty reason"),
        ('min_accuracy = { limit = 0.5, reason = "r", why = "x" }', "expected { limit, reason }"),
        (
            'min_accuracy = { limit = 0.5, reason = "r", bound = "wald" }',
            "unknown bound 'wald'; known: confidence, value",
        ),
        (
            'min_accuracy = { limit = 0.5, reason = "r" }\nmax_accuracy = { limit = 0.4, reason = "r" }',
            "min_accuracy 0.5 is above max_accuracy 0.4: no score holds both",
        ),
        ('min_accuracy = { limit = 2.2e-313, reason = "r" }', "0, 1 or no closer to them than 0.000001"),
        ('max_error_rate = { limit = 0.9999999, reason = "r" }', "0, 1 or no closer to them than 0.000001"),
        (
            'min_recall = { class = "a", limit = 5e-324, reason = "r" }',
            "from 0 to 1 that some answers break, at",
        ),
        ('max_confusion = { from = "a", to = "b", limit = 1e-9, reason = "r" }', "no closer to them than 0.000001"),
        ('beats = { variant = "system", by_at_least = 0.99999999, reason = "r" }', "no closer to them than 0.000001"),
        ('max_latency_ms = { p50 = 1e308, reason = "r" }', "'p50' above 0, at most 1e+12"),
        (f'min_accuracy = {{ limit = {10**400}, reason = "r" }}', "expected 'limit' from 0 to 1, got 1000"),
        (f'max_input_tokens_mean = {{ limit = {10**400}, reason = "r" }}', "at most 1e+12, and"),
        ('max_cost = { matrix = { a = { b = 1e308 } }, limit = 1, reason = "r" }', "to hold costs from 0 to 1e+12"),
        ('max_drop = { limit = 1e-300, reason = "r" }', "max_drop: expected 'limit' above 0"),
        ('max_drop = { limit = 1, reason = "r" }', "and below 1, got 1"),
        (
            'max_drop = { limit = 0, reason = "r" }',
            "max_drop: expected 'limit' above 0 (no sample proves a drop of nothing)",
        ),
        ('beats = { variant = "sytem", reason = "r" }', "to be another of bare, system, tuned, got 'sytem'"),
        ('beats = { variant = "tuned", reason = "r" }', "to be another of bare, system, tuned, got 'tuned'"),
        ('beats = "system"', "beats: expected { variant, reason } with a non-empty reason"),
        ('beats = { variant = "system", by_at_least = 1, reason = "r" }', "from 0 to below 1, got 1"),
        ('beats = { variant = "system", primary = 1, reason = "r" }', "'primary' to be true or false, got 1"),
        (
            'beats = [{ variant = "system", reason = "a" }, { variant = "bare", reason = "b" }]',
            "expected exactly one of its 2 comparisons to say primary = true, got 0",
        ),
        (
            'beats = [{ variant = "system", reason = "a" }, { variant = "system", reason = "b" }]',
            "tuned beats system appears twice",
        ),
        (
            'beats = { variant = "system", reason = "a" }\n[embedded.bundled.system]\n'
            'beats = { variant = "tuned", reason = "b" }',
            "no run passes both",
        ),
    ],
)
def test_what_cannot_be_meant_is_an_error(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(GatesError) as error:
        load(tmp_path, HEAD + text)
    assert words in str(error.value)
    assert str(error.value).startswith("gates.toml: [embedded.bundled")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[embeded.bundled.bare]", "[embeded]: unknown backend; known: embedded, gemini, vertex"),
        ("[embedded.bundled.bear]", "[embedded.bundled.bear]: unknown variant; known: bare, system, tuned"),
        ("[gemini.other.bear]", "[gemini.other.bear]: unknown variant"),  # also where this run does not look
        ("embedded = 1", "expected a table [backend.corpus.variant]"),
        ("[embedded]\nbundled = 1", "expected a table [backend.corpus.variant]"),
    ],
)
def test_a_table_of_an_unknown_name_is_an_error(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(GatesError) as error:
        load(tmp_path, text)
    assert words in str(error.value)
