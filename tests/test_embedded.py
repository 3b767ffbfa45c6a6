"""The door to the emulator: what its extra lacks is one line, and its errors are newsgauge's."""

from __future__ import annotations

import subprocess
import sys

import pytest

from gemini_emulator.errors import OptionError, StartError
from newsgauge.client.embedded import embedded_server, our_errors
from newsgauge.errors import BackendError, UsageError

WITHOUT = """
import importlib.util, sys
class Nowhere:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == {name!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Nowhere())
from newsgauge.cli.main import main
sys.exit(main({arguments!r}))
"""


@pytest.mark.parametrize("name", ["uvicorn", "starlette", "wordllama", "tokenizers"])
def test_a_server_without_its_extra_says_in_one_line_what_to_install(name: str) -> None:
    program = WITHOUT.format(name=name, arguments=["serve", "--port", "0"])
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr == (
        f"newsgauge: the embedded backend needs {name}, which is not installed: pip install 'newsgauge[embedded]'\n"
    )


@pytest.mark.parametrize(("raised", "expected"), [(OptionError("a"), UsageError), (StartError("a"), BackendError)])
def test_what_the_emulator_raises_on_purpose_is_an_error_of_ours(raised: Exception, expected: type[Exception]) -> None:
    with pytest.raises(expected, match=r"^a$"), our_errors():
        raise raised


def test_an_error_of_the_block_passes_as_it_is() -> None:
    with pytest.raises(ModuleNotFoundError), embedded_server():
        raise ModuleNotFoundError("No module named 'elsewhere'", name="elsewhere")
