"""Clients of the API that others wrote, as they are, each in a virtual environment of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.gemini_emulator.endpoint_calls import make_examples

_INSTALL_TIMEOUT_S = 300

#: google-genai 1.7.0, the last kind that could tune with an API key and inline examples.
INLINE = """
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
print(json.dumps([states[0], states[-1], answer.text, job.name in listed, models]))
"""

#: google-generativeai, whose answers are protobuf messages: a field that the API does not have is an error there.
PROTOBUF = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
import google.generativeai as genai
import typing_extensions as typing
base_url, examples = sys.argv[1], json.loads(sys.argv[2])
genai.configure(api_key="any", transport="rest", client_options={"api_endpoint": base_url})
operation = genai.create_tuned_model(
    source_model="models/gemini-1.5-flash-001-tuning",
    training_data=[{"text_input": e["textInput"], "output": e["output"]} for e in examples],
    epoch_count=2, batch_size=16, learning_rate=0.001, display_name="Newsgroup classification model",
)
for status in operation.wait_bar():
    time.sleep(0.05)
tuned = operation.result()
asked = genai.GenerativeModel(tuned.name).generate_content("gearbox and tyre").text
schema = {"type": "STRING", "enum": ["rec.autos", "sci.space"]}
config = genai.GenerationConfig(response_mime_type="text/x.enum", response_schema=schema)
base = genai.GenerativeModel("gemini-1.5-flash", system_instruction="Name the newsgroup.", generation_config=config)
print(json.dumps([
    tuned.name.rpartition("-")[0], tuned.state.name, asked, base.generate_content("rocket to the moon").text,
    genai.GenerativeModel("gemini-1.5-flash").count_tokens("sci.space").total_tokens,
    tuned.name in [m.name for m in genai.list_tuned_models()],
    len(tuned.tuning_task.snapshots),
]))
"""

VERTEXAI = """
import json, sys, warnings
warnings.simplefilter("ignore")
import vertexai
from google.auth.credentials import AnonymousCredentials
from vertexai.generative_models import GenerationConfig, GenerativeModel
vertexai.init(
    project="p", location="us-central1", credentials=AnonymousCredentials(), api_transport="rest",
    api_endpoint=sys.argv[1],
)
schema = {"type": "object", "properties": {"label": {"type": "string", "enum": ["rec.autos", "sci.space"]}}}
config = GenerationConfig(response_mime_type="application/json", response_schema=schema, temperature=0)
model = GenerativeModel("gemini-2.5-flash-lite", generation_config=config)
answer = model.generate_content("rocket to the moon")
print(json.dumps([json.loads(answer.text), model.count_tokens("sci.space").total_tokens]))
"""

OPENAI = """
import json, sys
from openai import OpenAI
client = OpenAI(api_key="any", base_url=sys.argv[1] + "/v1beta/openai/")
messages = [{"role": "system", "content": "Classify as animals or trains."}, {"role": "user", "content": "the railway"}]
answer = client.chat.completions.create(model="gemini-3.5-flash-lite", messages=messages)
chunks = client.chat.completions.create(model="gemini-3.5-flash-lite", messages=messages, stream=True)
streamed = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
print(json.dumps([answer.choices[0].message.content, streamed, len(list(client.models.list()))]))
"""

GENAI = """
import json, sys, warnings
warnings.simplefilter("ignore")
from google import genai
from google.genai import types
client = genai.Client(api_key="any", http_options={"base_url": sys.argv[1]})
schema = {"type": "STRING", "enum": ["rec.autos", "sci.space"]}
config = types.GenerateContentConfig(response_mime_type="text/x.enum", response_schema=schema)
model = "gemini-3.5-flash-lite"
answer = client.models.generate_content(model=model, contents="rocket to the moon", config=config)
chunks = client.models.generate_content_stream(model=model, contents="rocket to the moon", config=config)
count = client.models.count_tokens(model=model, contents="sci.space").total_tokens
print(json.dumps([answer.text, "".join(chunk.text for chunk in chunks), count]))
"""

CLIENTS = {
    "google-genai==1.7.0": (
        INLINE,
        ["JOB_STATE_QUEUED", "JOB_STATE_SUCCEEDED", "rec.autos", True, ["models/gemini-3.5-flash-lite-tuning"]],
    ),
    "google-genai>=1.70,<2": (GENAI, ["sci.space", "sci.space", 3]),
    "google-genai>=2,<3": (GENAI, ["sci.space", "sci.space", 3]),
    "google-generativeai==0.8.6": (
        PROTOBUF,
        ["tunedModels/newsgroup-classification-model", "ACTIVE", "rec.autos", "sci.space", 3, True, 4],
    ),
    "google-cloud-aiplatform==1.71.1": (VERTEXAI, [{"label": "sci.space"}, 3]),
    "openai>=1": (OPENAI, ["trains", "trains", 2]),
}


def install(requirement: str, folder: Path) -> Path:
    """The Python of a new environment that has the client; skips the test where it cannot be had."""
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "-q", "--python", sys.executable, str(folder)], check=True)
    command = [*uv, "pip", "install", "-q", "--python", str(python), requirement]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        pytest.skip(f"{requirement} cannot be installed here: it took more than five minutes")
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        pytest.skip(f"{requirement} cannot be installed here: {reason}")
    return python


@pytest.mark.slow
@pytest.mark.parametrize(
    ("requirement", "script", "expected"), [(key, *value) for key, value in CLIENTS.items()], ids=CLIENTS
)
def test_a_client_works_as_it_is(server: Any, tmp_path: Path, requirement: Any, script: Any, expected: Any) -> None:
    python = install(requirement, tmp_path / "venv")
    command = [python, "-c", script, server.base_url, json.dumps(make_examples())]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == expected
