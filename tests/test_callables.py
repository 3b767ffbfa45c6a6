"""A callable that variants.toml names is found, or one line says why not; what it raises is told by name and place."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from newsgauge.errors import TechniqueError, VariantsError
from newsgauge.records import Outcome, Post
from newsgauge.running import custom_predict
from newsgauge.running.custom_predict import FittedEstimator, literals_of
from newsgauge.variants.callables import describe, load_callable

GOOD = "def f(text, client, *, labels, model):\n    return labels[0]\n"


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Writes a module, loads a callable of it; afterwards neither path nor module is there."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    evals, root = tmp_path / "evals", tmp_path
    evals.mkdir()

    def load(
        source: str, spec: str = "own_technique:f", *, folder: Path = evals, called: Any = custom_predict.CALLED
    ) -> Any:
        (folder / "own_technique.py").write_text(source)
        sys.modules.pop("own_technique", None)
        return load_callable(spec, (evals, root), where="variants.toml: [own]", called=called)

    yield load
    for name in ("own_technique", "own_package"):
        sys.modules.pop(name, None)


def test_it_is_found_in_the_evals_folder_before_the_project(load: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "own_technique.py").write_text("f = 3")
    assert load(GOOD)("text", None, labels=("a",), model="m") == "a"


def test_it_is_found_in_the_project(load: Callable[..., Any], tmp_path: Path) -> None:
    assert load(GOOD, folder=tmp_path)("text", None, labels=("a",), model="m") == "a"


@pytest.mark.parametrize(
    ("source", "spec", "words"),
    [
        (GOOD, "own_tecnique:f", r"expected a module 'own_tecnique', there is none in .*evals and .* or among what is"),
        (GOOD, "own_technique.sub:f", r"expected a module 'own_technique.sub', there is none"),
        (GOOD, "own_technique:g", r"expected 'g' in module own_technique \(.*own_technique.py\), it has no such name"),
        ("f = 3", "own_technique:f", "expected own_technique:f to be callable, got int"),
        (
            "import no_such_library",
            "own_technique:f",
            r"own_technique cannot be imported: ModuleNotFoundError: No module "
            r"named 'no_such_library' \(own_technique.py:1\)",
        ),
        ("x = 1\n\n1 / 0", "own_technique:f", r"cannot be imported: ZeroDivisionError: .* \(own_technique.py:3\)"),
        ("def f(:", "own_technique:f", r"cannot be imported: SyntaxError: invalid syntax \(own_technique.py:1\)"),
        ("async " + GOOD, "own_technique:f", r"to be an ordinary function, got a coroutine function \(async def\)"),
        (
            "def f(text): ...",
            "own_technique:f",
            r"to be called as f\(text, client, \*, labels, model\), got f\(text\): too",
        ),
        (
            "def f(text, client, labels): ...",
            "own_technique:f",
            r"got f\(text, client, labels\): got an unexpected keyword",
        ),
        ("def f(text, client, *, labels, model, x): ...", "own_technique:f", "missing a required argument: 'x'|'x'"),
    ],
)
def test_what_cannot_be_called_is_told_in_one_line(
    load: Callable[..., Any], source: Any, spec: str, words: str
) -> None:
    with pytest.raises(VariantsError, match=rf"^variants\.toml: \[own\]: .*(?:{words})") as caught:
        load(source, spec)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "source", ["def f(*args, **more): ...", "class f:\n    def __init__(self, *a, **k): ...", GOOD]
)
def test_any_signature_that_can_be_called_so_is_good(load: Callable[..., Any], source: Any) -> None:
    assert callable(load(source))


def test_an_error_is_told_with_the_line_of_the_users_own_file(load: Callable[..., Any]) -> None:
    function = load("import json\ndef f(text, client, *, labels, model):\n    return json.loads('{')\n")
    with pytest.raises(ValueError, match="Expecting") as caught:
        function("", None, labels=(), model="")
    assert describe(caught.value).startswith("JSONDecodeError: Expecting property name")
    assert describe(caught.value).endswith("(own_technique.py:3)")


def test_the_texts_of_a_modules_source_are_known(load: Callable[..., Any]) -> None:
    function = load('P = "a prompt"\ndef f(text, client, *, labels, model):\n    return f"before {text} after" + P\n')
    assert {"a prompt", "before ", " after"} <= set(literals_of(function))
    assert list(literals_of(len)) == []


# --- estimators

POSTS = (Post("a-1", "a", "rockets fly"), Post("b-1", "b", "engines roar"))


class Fake:
    """Says the label of the first text it was fitted on."""

    def __init__(self, random_state: object = 0) -> None:
        self.random_state = random_state

    def fit(self, texts: list[str], labels: list[str]) -> None:
        self.fitted = dict(zip(texts, labels, strict=True))

    def predict(self, texts: list[str]) -> list[Any]:
        return [next(iter(self.fitted.values())) for _ in texts]

    def get_params(self, deep: bool) -> dict[str, object]:
        return {"fake": self, "fake__random_state": self.random_state}


def fitted(make: Callable[[], Any]) -> FittedEstimator:
    return FittedEstimator("own:make", make, lambda: POSTS)


def test_an_estimator_is_made_and_fitted_once_and_when_asked() -> None:
    made = []
    one = fitted(lambda: made.append(Fake()) or made[-1])  # type: ignore[func-returns-value]
    assert made == []
    said = [one.predict(text, ("a", "b")) for text in ("x", "y")]
    assert len(made) == 1
    assert made[0].fitted == {"rockets fly": "a", "engines roar": "b"}
    assert {(one.label, one.outcome, one.input_tokens, one.output_tokens) for one in said} == {
        ("a", Outcome.LABEL, 0, 0)
    }
    assert said[0].model_version.startswith("estimator own:make, scikit-learn 1.")
    assert one.predict("x", ("b",)).outcome is Outcome.OFF_LIST


def raises(*_: Any) -> None:
    raise ValueError("no rockets")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: None, "expected it to return a scikit-learn estimator, got NoneType without fit, predict, get_params"),
        (lambda: Fake, "got the class Fake, not an object of it"),
        (raises, r" raised ValueError: no rockets \(test_callables.py:\d+\)"),
        (lambda: Fake(None), "expected fake__random_state to be a number, got None"),
        (lambda: type("Bad", (Fake,), {"fit": raises})(), "fit raised ValueError: no rockets"),
        (lambda: type("Bad", (Fake,), {"predict": raises})(), "predict raised ValueError: no rockets"),
        (
            lambda: type("Bad", (Fake,), {"predict": lambda self, texts: [1]})(),
            "expected predict to return labels, got int",
        ),
    ],
)
def test_an_estimator_that_fails_is_an_error_of_every_case(make: Any, words: str) -> None:
    one = fitted(make)
    for _ in range(2):
        with pytest.raises(TechniqueError, match=f"^own:make.*{words}"):
            one.predict("text", ("a",))


def test_an_estimator_is_called_with_nothing(load: Callable[..., Any]) -> None:
    assert load("def f(): return 1", called=custom_predict.ESTIMATOR_CALLED)() == 1
    with pytest.raises(VariantsError, match=r"to be called as f\(\), got f\(seed\)"):
        load("def f(seed): return 1", called=custom_predict.ESTIMATOR_CALLED)
