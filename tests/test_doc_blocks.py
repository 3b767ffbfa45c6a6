"""What tries the docs finds what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.doc_blocks import Block, Shell, check_shown, commands_of, shown_commands, try_block

SAID = "one\ntwo, in 3.14 s\nthree\n====== end ======\n"


@pytest.mark.parametrize(
    "lines",
    [
        ["one", "two, in ... s", "three", "..."],
        ["...", "three", "..."],
        ["one", "...", "========== end ====="],
        ["..."],
        [],
    ],
)
def test_lines_that_are_printed_are_found(lines: list[str]) -> None:
    check_shown(lines, SAID, where="here")


@pytest.mark.parametrize(
    "lines",
    [
        ["...", "four", "..."],
        ["one", "three", "..."],
        ["...", "three", "...", "one", "..."],
        ["...", "two, in 3 s", "..."],
        ["one", "...", "one", "..."],
        ["on", "..."],
        ["two, in 3.14 s", "..."],
        ["one", "two, in 3.14 s"],
    ],
    ids=["absent", "not next", "other order", "other number", "once only", "half a line", "not first", "not last"],
)
def test_lines_that_are_not_printed_so_are_told(lines: list[str]) -> None:
    with pytest.raises(AssertionError, match="here"):
        check_shown(lines, SAID, where="here")


def block(language: str, text: str, **marks: str) -> Block:
    return Block("page.md:1", language, text, {name.replace("_", " "): value for name, value in marks.items()})


def test_another_status_than_the_one_told_is_a_failure(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    try_block(block("sh", "exit 3", status="3"), shell)
    with pytest.raises(AssertionError, match="status 3, expected 0"):
        try_block(block("sh", "true\nexit 3"), shell)
    with pytest.raises(AssertionError, match="status 0, expected 1"):
        try_block(block("console", "$ true", status="1"), shell)


def test_the_last_command_of_a_console_may_fail_and_no_other(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="status 1, expected 0"):
        try_block(block("console", "$ false\n$ false", status="1"), Shell(tmp_path))


def test_a_table_is_replaced_whole_and_alone(tmp_path: Path) -> None:
    path = tmp_path / "variants.toml"
    path.write_text("[a]\nx = 1\n\n[b]\ny = 2\nz = 3\n\n[c]\n")
    try_block(block("toml", "[b]\ny = 4\n", replace_in="variants.toml"), Shell(tmp_path))
    assert path.read_text() == "[a]\nx = 1\n\n[b]\ny = 4\n[c]\n"


def test_nothing_of_this_environment_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CI", "GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_GEMINI_BASE_URL"):
        monkeypatch.setenv(name, "planted")
    assert "planted" not in Shell(tmp_path).run("env", where="here")


def test_commands_are_found_behind_what_a_shell_allows() -> None:
    script = """
    # newsgauge in a comment
    KEY=1 newsgauge models --backend gemini > out.txt && pytest evals -k 'a or b'  # then
    for k in 1 2; do pytest evals \\
      --shard $k/2; done
    echo newsgauge
    """
    assert list(commands_of(script)) == [
        ["newsgauge", "models", "--backend", "gemini"],
        ["pytest", "evals", "-k", "a or b"],
        ["pytest", "evals", "--shard", "$k/2"],
    ]


def test_a_console_is_commands_with_their_lines() -> None:
    text = "$ one\nsaid\n$ two \\\n  more\nsaid too"
    assert shown_commands(block("console", text)) == [("one", ["said"]), ("two \\\n  more", ["said too"])]
    with pytest.raises(AssertionError, match="begins with"):
        shown_commands(block("console", "said"))
