"""google-genai 1.7.0, the last kind that could tune with an API key, in a virtual environment of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import venv

import pytest
from endpoint_calls import make_examples

VERSION = "1.7.0"
SCRIPT = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
from google import genai
from google.genai import types

base_url, examples = sys.argv[1], json.loads(sys.argv[2])
client = genai.Client(api_key="any", http_options={"base_url": base_url})
dataset = types.TuningDataset(
    examples=[types.TuningExample(text_input=e["textInput"], output=e["output"]) for e in examples]
)
config = types.CreateTuningJobConfig(
    epoch_count=2, batch_size=16, learning_rate=0.001, tuned_model_display_name="Newsgroup classification"
)
base_model = "models/gemini-1.5-flash-001-tuning"
job = client.tunings.tune(base_model=base_model, training_dataset=dataset, config=config)
states = [job.state.value]
for _ in range(600):
    job = client.tunings.get(name=job.name)
    states.append(job.state.value)
    if job.has_ended:
        break
    time.sleep(0.05)
answer = client.models.generate_content(model=job.tuned_model.model, contents="gearbox and tyre")
listed = [tuned.name for tuned in client.tunings.list()]
models = [model.name for model in client.models.list() if "createTunedModel" in model.supported_actions]
print(json.dumps([genai.__version__, states[0], states[-1], answer.text, job.name in listed, models]))
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    folder = tmp_path_factory.mktemp("google-genai") / "venv"
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    install = [
        python,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        f"google-genai=={VERSION}",
    ]
    try:
        done = subprocess.run(install, capture_output=True, text=True, timeout=300)
    except subprocess.TimeoutExpired:
        pytest.skip(f"google-genai {VERSION} cannot be installed here: pip took more than five minutes")
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        pytest.skip(f"google-genai {VERSION} cannot be installed here: {reason}")
    return python


@pytest.mark.slow
def test_tune_get_and_list_with_inline_examples_work_as_they_did(python, server):
    command = [python, "-c", SCRIPT, server.base_url, json.dumps(make_examples())]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [
        VERSION,
        "JOB_STATE_QUEUED",
        "JOB_STATE_SUCCEEDED",
        "rec.autos",
        True,
        ["models/gemini-3.5-flash-lite-tuning"],
    ]
