"""Tuned models of the Developer API: training in the background, its losses and failures, the answers."""

from __future__ import annotations

import re
import time
from typing import Any

import httpx2
import numpy as np
import pytest
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import log_loss

from gemini_emulator.models import arrays, tuned_model
from gemini_emulator.models.tuned_model import Example, train
from gemini_emulator.models.word_vectors import embed
from tests.gemini_emulator.endpoint_calls import ask, make_examples, tune, tuning_body


def predict(http: Any, tuned_id: Any, text: Any, **config: Any) -> Any:
    answer = http.post(f"/v1beta/tunedModels/{tuned_id}:generateContent", json=ask(text, **config))
    assert answer.status_code == 200, answer.text
    return answer.json()


def losses(model: Any) -> Any:
    return [snapshot["meanLoss"] for snapshot in model["tuningTask"]["snapshots"]]


def test_a_tuned_model_gives_the_label_it_was_taught(http: httpx2.Client, tuned: str) -> None:
    answer = predict(http, tuned, "the rocket and its payload in orbit")
    assert answer["candidates"][0]["content"]["parts"] == [{"text": "sci.space"}]
    assert answer["modelVersion"] == "newsgauge-embedded-tuned-2"
    assert answer["candidates"][0]["avgLogprobs"] < 0
    # sci . space are three tokens; the rocket and its payloa d in orbit are eight
    assert answer["usageMetadata"] == {
        "promptTokenCount": 8,
        "candidatesTokenCount": 3,
        "totalTokenCount": 11,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 8}],
    }


def test_the_served_model_is_the_one_that_train_gives(http: httpx2.Client, tuned: str) -> None:
    examples = [Example(item["textInput"], item["output"]) for item in make_examples()]
    model = train(examples, epochs=5, batch_size=16, learning_rate=0.001)
    label, logprob = model.predict("gearbox and moon")
    candidate = predict(http, tuned, "gearbox and moon")["candidates"][0]
    # avgLogprobs is of a token, and rec . autos are three
    assert (candidate["content"]["parts"][0]["text"], candidate["avgLogprobs"]) == (label, round(logprob / 3, 6))
    served = http.get(f"/v1beta/tunedModels/{tuned}").json()
    assert losses(served) == [round(snapshot.mean_loss, 6) for snapshot in model.snapshots]


def test_the_resource_shows_states_times_and_a_loss_for_every_step(http: httpx2.Client, tuned: str) -> None:
    model = http.get(f"/v1/tunedModels/{tuned}").json()
    task = model["tuningTask"]
    assert model["state"] == "ACTIVE"
    # 24 examples in batches of 16 are 2 steps an epoch
    assert [(s["step"], s["epoch"]) for s in task["snapshots"]] == [
        (step, 1 + (step - 1) // 2) for step in range(1, 11)
    ]
    assert model["createTime"] <= task["startTime"] <= task["snapshots"][0]["computeTime"] <= task["completeTime"]


def test_the_operation_ends_with_the_model(http: httpx2.Client, tuned: str) -> None:
    operation = http.get(f"/v1beta/tunedModels/{tuned}/operations/1").json()
    assert operation["done"] is True
    assert operation["response"]["name"] == f"tunedModels/{tuned}"
    assert (operation["metadata"]["totalSteps"], operation["metadata"]["completedPercent"]) == (10, 100)
    listed = http.get(f"/v1beta/tunedModels/{tuned}/operations").json()["operations"]
    assert listed == [operation]
    assert http.get(f"/v1beta/tunedModels/{tuned}/operations/2").status_code == 404


def test_the_same_examples_give_the_same_losses_and_another_setting_does_not(http: httpx2.Client) -> None:
    first = tune(http, "same-a", epochCount=2)
    assert losses(first) == losses(tune(http, "same-b", epochCount=2))
    assert losses(first) != losses(tune(http, "other-batch", epochCount=2, batchSize=8))
    assert losses(first) != losses(tune(http, "other-rate", epochCount=2, learningRate=0.002))


def test_a_multiplier_scales_the_default_rate(http: httpx2.Client) -> None:
    by_multiplier = tune(http, "by-multiplier", epochCount=2, learningRateMultiplier=2)
    by_rate = tune(http, "by-rate", epochCount=2, learningRate=0.002)
    assert losses(by_multiplier) == losses(by_rate)


def test_the_loss_falls_over_five_epochs_and_further_than_over_one(http: httpx2.Client) -> None:
    one, five = losses(tune(http, "one-epoch", epochCount=1)), losses(tune(http, "five-epochs", epochCount=5))
    assert five[: len(one)] == one
    assert sum(five[-2:]) < sum(one)
    assert sum(five[-2:]) < 0.5 * sum(five[:2])


def test_an_absurd_learning_rate_does_not_bring_the_loss_down(http: httpx2.Client) -> None:
    # Labels that no word tells apart: a small rate settles near ln 2, a huge one is thrown about.
    examples = [
        {"textInput": f"coin toss number {n % 3}", "output": ("head", "tail")[n * 7 % 5 % 2]} for n in range(40)
    ]
    calm = losses(tune(http, "calm", examples, epochCount=10, batchSize=4, learningRate=0.00001))
    wild = losses(tune(http, "wild", examples, epochCount=10, batchSize=4, learningRate=1.0))
    assert sum(wild[-10:]) / 10 > 2 * sum(calm[-10:]) / 10
    assert sum(wild[-10:]) / 10 > wild[0]


@pytest.mark.parametrize(
    ("tuned_id", "examples", "hyper", "reason"),
    [
        ("none", [], {}, "no training examples"),
        ("one-label", [{"textInput": t, "output": "x"} for t in "abc"], {}, "two are needed"),
        ("empty", [{"textInput": " ", "output": "x"}, {"textInput": "a", "output": "y"}], {}, "example 0"),
        ("wordless", [{"textInput": "?", "output": "x"}, {"textInput": "!", "output": "y"}], {}, "no words"),
        ("epochs", make_examples(), {"epochCount": 101}, "epochCount must be from 1 to 100, got 101"),
        ("no-epoch", make_examples(), {"epochCount": 0}, "epochCount"),
        ("batch", make_examples(), {"batchSize": 0}, "batchSize"),
        ("rate", make_examples(), {"learningRate": -1}, "learningRate"),
        (
            "labels",
            [{"textInput": "word", "output": str(n)} for n in range(201)],
            {},
            "201 different outputs",
        ),
        ("long", [{"textInput": "a" * 200_001, "output": "x"}, *make_examples()], {}, "200001"),
    ],
)
def test_what_cannot_be_trained_fails_and_says_why(
    http: httpx2.Client, tuned_id: str, examples: Any, hyper: Any, reason: str
) -> None:
    model = tune(http, f"bad-{tuned_id}", examples, **hyper)
    assert model["state"] == "FAILED"
    assert reason in model["error"]["message"]
    operation = http.get(f"/v1beta/tunedModels/bad-{tuned_id}/operations/1").json()
    assert operation["done"] is True
    assert operation["error"] == model["error"]
    answer = http.post(f"/v1beta/tunedModels/bad-{tuned_id}:generateContent", json=ask("x"))
    assert answer.json()["error"]["status"] == "FAILED_PRECONDITION"


def test_more_examples_than_allowed_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuned_model, "MAX_EXAMPLES", 3)
    with pytest.raises(tuned_model.TrainingError, match="at most 3"):
        train([Example("a b", "x")] * 4, epochs=1, batch_size=1, learning_rate=0.1)


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"baseModel": "models/gemini-3.5-flash-lite"}, "createTunedModel"),
        ({"baseModel": 5}, "baseModel"),
        ({"tuningTask": {}}, "trainingData"),
        ({"tuningTask": {"trainingData": {"examples": {}}}}, "examples"),
        ({"tuningTask": {"trainingData": {"examples": {"examples": [{"textInput": "a"}]}}}}, "output"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_request_of_the_wrong_shape_creates_nothing(http: httpx2.Client, change: Any, names: str) -> None:
    body = tuning_body(make_examples()) | change
    answer = http.post("/v1beta/tunedModels", params={"tunedModelId": "shape"}, json=body)
    assert answer.status_code == 400
    assert names in answer.json()["error"]["message"]
    assert http.get("/v1beta/tunedModels/shape").status_code == 404


def test_a_taken_or_impossible_id_is_refused(http: httpx2.Client, tuned: str) -> None:
    body = tuning_body(make_examples())
    taken = http.post("/v1beta/tunedModels", params={"tunedModelId": tuned}, json=body)
    assert taken.json()["error"]["status"] == "ALREADY_EXISTS"
    for bad in ("A", "1a", "a" * 41, "a/b", "..", "a\n"):
        answer = http.post("/v1beta/tunedModels", params={"tunedModelId": bad}, json=body)
        assert answer.json()["error"]["status"] == "INVALID_ARGUMENT"


def test_models_are_listed_newest_last_in_pages_and_can_be_deleted(http: httpx2.Client) -> None:
    for name in ("page-a", "page-b", "page-c"):
        tune(http, name, epochCount=1)
    names, token = [], ""
    for _ in range(100):
        page = http.get("/v1beta/tunedModels", params={"pageSize": 2, "pageToken": token}).json()
        names += [model["name"] for model in page["tunedModels"]]
        token = page.get("nextPageToken", "")
        if not token:
            break
    ours = [name for name in names if "page-" in name]
    assert ours == ["tunedModels/page-a", "tunedModels/page-b", "tunedModels/page-c"]
    assert names[-3:] == ours
    assert http.delete("/v1beta/tunedModels/page-b").json() == {}
    assert http.get("/v1beta/tunedModels/page-b").status_code == 404
    assert http.delete("/v1beta/tunedModels/page-b").status_code == 404
    assert http.post("/v1beta/tunedModels/page-b:generateContent", json=ask("x")).status_code == 404


def test_a_name_used_again_after_deletion_is_the_new_model(http: httpx2.Client) -> None:
    tune(http, "again", epochCount=3)
    predict(http, "again", "rocket")
    http.delete("/v1beta/tunedModels/again")
    swapped = [
        item | {"output": {"sci.space": "rec.autos", "rec.autos": "sci.space"}.get(item["output"], "sci.med")}
        for item in make_examples()
    ]
    tune(http, "again", swapped)
    answer = predict(http, "again", "rocket orbit payload")
    assert answer["candidates"][0]["content"]["parts"][0]["text"] == "rec.autos"


def test_deleting_a_model_ends_its_training(http: httpx2.Client) -> None:
    body = tuning_body(make_examples(200), epochCount=100, batchSize=1)
    http.post("/v1beta/tunedModels", params={"tunedModelId": "endless"}, json=body)
    for _ in range(600):
        if http.get("/v1beta/tunedModels/endless").json()["tuningTask"]["snapshots"]:
            break
        time.sleep(0.05)
    assert http.get("/v1beta/tunedModels/endless").json()["state"] == "CREATING"
    http.delete("/v1beta/tunedModels/endless")
    assert tune(http, "after-endless", epochCount=1)["state"] == "ACTIVE"  # the one trainer is free again


def test_without_an_id_one_is_made_from_the_display_name(http: httpx2.Client) -> None:
    operation = http.post("/v1beta/tunedModels", json=tuning_body(make_examples(), epochCount=1)).json()
    assert re.fullmatch(r"tunedModels/newsgroup-model-[a-z0-9]{8}", operation["metadata"]["tunedModel"])
    body = tuning_body(make_examples(), epochCount=1) | {"displayName": "Newsgroup classification model, the third"}
    name = http.post("/v1beta/tunedModels", json=body).json()["metadata"]["tunedModel"]
    assert re.fullmatch(r"tunedModels/newsgroup-classification-model-[a-z0-9]{8}", name)


def test_an_enum_restricts_a_tuned_model(http: httpx2.Client, tuned: str) -> None:
    schema = {"type": "STRING", "enum": ["rec.autos", "sci.med"]}
    config = {"responseMimeType": "text/x.enum", "responseSchema": schema}
    answer = predict(http, tuned, "rocket orbit and one tyre", **config)
    assert answer["candidates"][0]["content"]["parts"] == [{"text": "rec.autos"}]
    other = {"responseMimeType": "text/x.enum", "responseSchema": {"type": "STRING", "enum": ["rec.boats"]}}
    assert predict(http, tuned, "x", **other)["candidates"][0]["content"]["parts"] == [{"text": "rec.boats"}]


def test_json_and_temperature_are_honoured_by_a_tuned_model(http: httpx2.Client, tuned: str) -> None:
    schema = {"type": "OBJECT", "properties": {"label": {"type": "STRING"}}}
    config = {"responseMimeType": "application/json", "responseSchema": schema}
    text = predict(http, tuned, "rocket orbit", **config)["candidates"][0]["content"]["parts"][0]["text"]
    assert text == '{"label": "sci.space"}'
    drawn = {
        predict(http, tuned, "nothing known", temperature=2, seed=seed)["candidates"][0]["content"]["parts"][0]["text"]
        for seed in range(20)
    }
    assert len(drawn) > 1


def with_vectors(rows: Any, texts: Any) -> Any:
    """TF-IDF rows, and half of each text's unit vector to their right."""
    return hstack([rows, csr_matrix([embed(text) / 2**20 * 0.5 for text in texts])], format="csr")


def test_predictions_are_scikit_learns_bit_for_bit_alone_and_in_batches() -> None:
    examples = [Example(item["textInput"], item["output"]) for item in make_examples(20)]
    texts = ["moon moon tyre", "", "unknown words", "dose of the rocket, engine and DOSE", "symptom"]
    for chosen in (
        examples,
        [item for item in examples if item.output != "sci.med"],
    ):  # several outputs, and two
        model = train(chosen, epochs=2, batch_size=4, learning_rate=0.001)
        expected = model.classifier.predict_proba(with_vectors(model.vectorizer.transform(texts), texts)).tolist()
        assert model.probabilities(texts) == expected
        assert [model.probabilities([text])[0] for text in texts] == expected
        restored = arrays.from_bytes(arrays.to_bytes(model))
        assert restored.probabilities(texts) == expected
        assert restored.outputs == model.outputs


def test_training_is_scikit_learns_own_sgd_step_by_step() -> None:
    # Written out again: TF-IDF and vectors, log loss, constant rate, batches from a permutation an epoch.
    examples = [Example(item["textInput"], item["output"]) for item in make_examples(10)]
    model = train(examples, epochs=3, batch_size=7, learning_rate=0.002)
    vectorizer = TfidfVectorizer(sublinear_tf=True, stop_words="english")
    texts = [example.text for example in examples]
    matrix = with_vectors(vectorizer.fit_transform(texts), texts)
    outputs = np.array([example.output for example in examples])
    reference = SGDClassifier(
        loss="log_loss",
        alpha=1e-5,
        learning_rate="constant",
        eta0=0.002 * 3000,
        shuffle=False,
        random_state=0,
    )
    losses_by_hand: list[float] = []
    for epoch in (1, 2, 3):
        order = np.random.RandomState(epoch).permutation(30)
        for start in range(0, 30, 7):
            rows = np.sort(order[start : start + 7])
            if losses_by_hand:
                losses_by_hand.append(
                    log_loss(outputs[rows], reference.predict_proba(matrix[rows]), labels=reference.classes_)
                )
            else:
                losses_by_hand.append(np.log(3))
            reference.partial_fit(matrix[rows], outputs[rows], classes=np.unique(outputs))
    assert (model.classifier.coef_ == reference.coef_).all()
    assert (model.classifier.intercept_ == reference.intercept_).all()
    assert [snapshot.mean_loss for snapshot in model.snapshots] == pytest.approx(losses_by_hand, abs=1e-12)


def test_a_rate_so_wild_that_no_output_is_possible_still_gives_numbers() -> None:
    examples = [Example(f"w{n} w{n % 3} x", f"label-{n % 4}") for n in range(40)]
    model = train(examples, epochs=20, batch_size=1, learning_rate=1.0)
    assert all(np.isfinite(snapshot.mean_loss) for snapshot in model.snapshots)
    for row in model.probabilities(["w1 x", "w2 w0", "unknown", "x x x x x w3"]):
        assert sum(row) == pytest.approx(1.0)
