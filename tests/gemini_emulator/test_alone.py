"""The emulator without newsgauge: it starts, answers and explains its options where newsgauge is not installed."""

from __future__ import annotations

import subprocess
import sys

# A finder that comes first says that there is no newsgauge; `-m gemini_emulator` then runs as ever.
WITHOUT = """
import runpy, sys
class Nowhere:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "newsgauge":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Nowhere())
"""
ASKED = """
import httpx2
from gemini_emulator.server import EmbeddedServer
with EmbeddedServer() as server:
    body = {"contents": [{"parts": [{"text": "hello"}]}]}
    print(httpx2.post(f"{server.base_url}/v1beta/models/gemini-3.5-flash-lite:generateContent", json=body).status_code)
"""


def run(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", WITHOUT + program], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_answers_where_newsgauge_is_not_installed() -> None:
    assert run(ASKED).strip() == "200"


def test_its_help_names_its_options_and_loads_no_web_server() -> None:
    out = run(
        "sys.argv = ['x', '--help']\n"
        "try:\n    runpy.run_module('gemini_emulator', run_name='__main__')\n"
        "except SystemExit:\n    print('uvicorn' in sys.modules)"
    )
    assert all(option in out for option in ("--port", "--state", "--faults", "--rpm", "--api-key"))
    assert out.strip().endswith("False")
