"""The base model through the API: a better prompt gives a better answer, and settings act as on a language model."""

from __future__ import annotations

import math
from collections import Counter
from itertools import combinations
from statistics import fmean
from typing import Any

import pytest

from newsgauge.scoring.stats.intervals import mean_interval
from newsgauge.scoring.stats.repeats import spread
from tests.gemini_emulator.endpoint_calls import ask, said

URL = "/v1beta/models/{}:generateContent"
LABELS = "Classify the text as one of: animals, trains, cooking. Answer with the label."
TEXTS = {
    "The kitten and the dog are asleep": "animals",
    "A parrot, two horses and a wolf live there": "animals",
    "The locomotive left the railway station late": "trains",
    "Fry the onions and stir in the sauce": "cooking",
    "Bake the bread in a hot oven": "cooking",
}


def answer(http: Any, text: Any, instruction: Any = "", model: Any = "gemini-3.5-flash-lite", **config: Any) -> Any:
    body = ask(text, **config)
    if instruction:
        body["systemInstruction"] = {"parts": [{"text": instruction}]}
    response = http.post(URL.format(model), json=body)
    assert response.status_code == 200, response.text
    return response.json()


def text_of(response: Any) -> Any:
    return response["candidates"][0]["content"]["parts"][-1]["text"]


def test_it_names_what_a_text_is_about_though_no_word_of_the_label_is_in_it(http: Any) -> None:
    assert {text: text_of(answer(http, text, LABELS)) for text in TEXTS} == TEXTS


def test_a_description_moves_the_answer_and_swapped_ones_move_it_elsewhere(http: Any) -> None:
    labels = "Sort the mail by label:\n- A: {}\n- B: {}"
    about = ("dogs, cats and other animals", "trains, railways and stations")
    text = "The locomotive left the platform an hour late"
    assert text_of(answer(http, text, labels.format(*about))) == "B"
    assert text_of(answer(http, text, labels.format(*reversed(about)))) == "A"


def test_examples_teach_labels_that_mean_nothing_by_themselves(http: Any) -> None:
    shown = "Label the ticket.\n\n" + "\n\n".join(
        f"{text}\n-> {label}"
        for text, label in (
            ("the puppy is barking", "X1"),
            ("my cat sleeps all day", "X1"),
            ("the train was late", "X2"),
            ("the station is closed", "X2"),
        )
    )
    assert text_of(answer(http, "a kitten climbed the tree", shown)) == "X1"
    assert text_of(answer(http, "the railway line was flooded", shown)) == "X2"


def test_a_polite_sentence_and_another_order_of_labels_change_no_answer(http: Any) -> None:
    polite = f"Thank you very much for your help today. {LABELS}"
    turned = LABELS.replace("animals, trains, cooking", "cooking, animals, trains")
    for text, label in TEXTS.items():
        assert text_of(answer(http, text, polite)) == text_of(answer(http, text, turned)) == label


def test_capitals_are_read_as_small_letters_are(http: Any) -> None:
    assert {text: text_of(answer(http, text.upper(), LABELS)) for text in TEXTS} == TEXTS


def test_without_labels_it_names_a_newsgroup_and_without_a_question_it_chats(http: Any) -> None:
    assert text_of(answer(http, "the goalie stopped the puck", "Name the newsgroup.")) == "rec.sport.hockey"
    question = text_of(answer(http, "Which newsgroup is this?\n\nthe goalie stopped the puck"))
    assert "**rec.sport.hockey**" in question
    assert "rec." not in text_of(answer(http, "the goalie stopped the puck"))


def test_the_schemas_descriptions_are_read(http: Any) -> None:
    schema = {"type": "STRING", "enum": ["A", "B"], "description": "A: dogs and cats. B: trains and railways."}
    config = {"responseMimeType": "text/x.enum", "responseSchema": schema}
    assert text_of(answer(http, "the kitten is asleep", **config)) == "A"


def test_the_variance_within_a_post_at_temperature_1_is_that_of_the_models_own_probabilities(http: Any) -> None:
    hot = {"temperature": 1.0, "candidateCount": 8, "responseLogprobs": True, "logprobs": 3}
    words = ["tomorrow", "kitten", "train", "soup", "station", "oven", "rail", "puppy", "bread", "engine", "zoo"]
    words += ["dinner", "ticket", "horse", "pan", "signal"]
    right, own = [], []
    for seed, (first, second) in enumerate(combinations(words, 2)):
        response = answer(http, f"a question about {first} and {second}", LABELS, seed=seed, **hot)
        said = [candidate["content"]["parts"][0]["text"] for candidate in response["candidates"]]
        right.append([label == "animals" for label in said])
        top = response["candidates"][0]["logprobsResult"]["topCandidates"][0]["candidates"]
        share = sum(math.exp(one["logProbability"]) for one in top if "animals".startswith(one["token"]))
        own.append(share * (1 - share))
    _, low, high = mean_interval([8 / 7 * fmean(row) * (1 - fmean(row)) for row in right])
    within = spread(right)[1]
    assert low < sum(own) / len(own) < high
    assert low < within < high
    assert high - low < within


def test_temperature_spreads_answers_as_their_probabilities_say(http: Any) -> None:
    hot = {"temperature": 1.0, "candidateCount": 8, "responseLogprobs": True, "logprobs": 3}
    text = "Hello, I have a question about tomorrow"
    drawn: Counter[str] = Counter()
    for seed in range(60):
        response = answer(http, text, LABELS, seed=seed, **hot)
        drawn.update(candidate["content"]["parts"][0]["text"] for candidate in response["candidates"])
    first = response["candidates"][0]["logprobsResult"]["topCandidates"][0]["candidates"]
    for candidate in first:
        label = next(label for label in ("animals", "trains", "cooking") if label.startswith(candidate["token"]))
        share = math.exp(candidate["logProbability"])
        spread = 4 * math.sqrt(share * (1 - share) / 480)
        assert drawn[label] / 480 == pytest.approx(share, abs=spread)
    assert len({text_of(answer(http, text, LABELS)) for _ in range(3)}) == 1


def test_the_tokens_of_an_answer_multiply_to_its_probability_and_those_of_all_sum_to_one(http: Any) -> None:
    config = {"responseLogprobs": True, "logprobs": 20}
    candidate = answer(http, "the dog barks", LABELS.replace("trains", "animals.dogs"), **config)["candidates"][0]
    chosen = candidate["logprobsResult"]["chosenCandidates"]
    assert "".join(token["token"] for token in chosen) == candidate["content"]["parts"][0]["text"]
    total = sum(token["logProbability"] for token in chosen)
    assert candidate["avgLogprobs"] * len(chosen) == pytest.approx(total, abs=1e-4)
    first, *_ = candidate["logprobsResult"]["topCandidates"]
    assert sum(math.exp(token["logProbability"]) for token in first["candidates"]) == pytest.approx(1, abs=1e-4)


def test_logprobs_are_refused_without_the_flag_and_beyond_twenty(http: Any) -> None:
    for config in ({"logprobs": 3}, {"responseLogprobs": True, "logprobs": 21}):
        response = http.post(URL.format("gemini-3.5-flash-lite"), json=ask("x", **config))
        assert (response.status_code, "logprobs" in response.json()["error"]["message"]) == (400, True)


@pytest.mark.parametrize(
    ("model", "thinks"),
    [("gemini-3.5-flash", True), ("gemini-2.5-pro", True), ("gemini-3.5-flash-lite", False), ("gemini-1.5-pro", False)],
)
def test_models_that_think_by_themselves_do_so_unless_told_not_to(http: Any, model: str, thinks: bool) -> None:
    usage = [answer(http, "the dog barks", LABELS, model)["usageMetadata"].get("thoughtsTokenCount", 0) for _ in "ab"]
    assert usage[0] == usage[1]
    assert (usage[0] > 0) == thinks
    off = answer(http, "the dog barks", LABELS, model, thinkingConfig={"thinkingLevel": "MINIMAL"})
    assert "thoughtsTokenCount" not in off["usageMetadata"]


def test_more_thinking_reads_more_paragraphs_and_costs_more_tokens(http: Any) -> None:
    text = "\n\n".join(f"Paragraph {number} is about trains." for number in range(40))
    tokens = [
        answer(http, text, LABELS, thinkingConfig={"thinkingLevel": level})["usageMetadata"]["thoughtsTokenCount"]
        for level in ("LOW", "MEDIUM", "HIGH")
    ]
    assert tokens[0] <= 64 < tokens[1] <= 256 < tokens[2] <= 1024


def test_thinking_hears_a_paragraph_that_long_quotes_drown(http: Any) -> None:
    quoted = "> the kitten, the dog and the parrot are asleep\n" * 6
    text = f"{quoted}\n\nThe locomotive left the railway station late"
    thinking = {"thinkingLevel": "LOW", "includeThoughts": True}
    plain = answer(http, text, LABELS, responseLogprobs=True, logprobs=3)
    thought = answer(http, text, LABELS, responseLogprobs=True, logprobs=3, thinkingConfig=thinking)
    told = thought["candidates"][0]["content"]["parts"][0]["text"]
    assert "Part 1 is closest to animals. Part 2 is closest to trains." in told

    def share(response: Any) -> Any:
        (first, *_) = response["candidates"][0]["logprobsResult"]["topCandidates"]
        return {token["token"]: token["logProbability"] for token in first["candidates"]}["trains"]

    assert share(thought) > share(plain)


@pytest.mark.parametrize(
    "labels",
    [
        [f"label {number}" for number in range(1000)],
        ["sci", "sci.med", "sci.med.nutrition"],
        ["Mail", "Text", "Label"],
        ["科学 science", "спорт sport"],
        ["???", "!"],
        ["one"],
    ],
)
def test_any_enum_is_answered_with_one_of_its_values_within_seconds(http: Any, labels: Any) -> None:
    config = {"responseMimeType": "text/x.enum", "responseSchema": {"type": "STRING", "enum": labels}}
    for text in ("", "medicine and food", "label 7", "\n" * 1000, "x" * 100_000):
        assert text_of(answer(http, text, "Classify.", **config)) in labels


def test_every_answer_has_an_id_of_its_own_and_the_same_content(http: Any) -> None:
    first, second = answer(http, "the dog barks", LABELS), answer(http, "the dog barks", LABELS)
    assert first["responseId"] != second["responseId"]
    assert said(first) == said(second)
    assert first["usageMetadata"]["promptTokensDetails"] == [
        {"modality": "TEXT", "tokenCount": first["usageMetadata"]["promptTokenCount"]}
    ]


def test_vertex_answers_in_its_own_shape(http: Any) -> None:
    url = "/v1beta1/projects/p/locations/global/publishers/google/models/gemini-3.5-flash-lite:generateContent"
    body = ask("the dog barks") | {"systemInstruction": {"parts": [{"text": LABELS}]}}
    response = http.post(url, json=body).json()
    (candidate,) = response["candidates"]
    assert "index" not in candidate
    assert {"createTime", "responseId", "modelVersion"} <= response.keys()
    assert response["usageMetadata"]["trafficType"] == "ON_DEMAND"
    spoken = response["usageMetadata"]["candidatesTokenCount"]
    assert response["usageMetadata"]["candidatesTokensDetails"] == [{"modality": "TEXT", "tokenCount": spoken}]
