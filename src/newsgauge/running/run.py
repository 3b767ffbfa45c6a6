"""One process's part of a run: asks cases, keeps their answers, and completes them for gates."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

from ..cassettes.network_block import attempts_fail, network_blocked
from ..client.answers import read_for
from ..client.calls import PerLocation, count_tokens, generate, generate_once, recorded_response
from ..client.clients import open_client
from ..client.embedded import embedded_server
from ..client.other_apis import OtherClient
from ..client.retry import RetryPolicy
from ..errors import CassetteError, NetworkBlockedError, NewsgaugeError, TechniqueError, TransientError
from ..records import Case, Key, Post, Prediction, Result, whole_text
from ..variants.variants_file import ReadyVariant, Variant
from .other_services import read_other
from .request_template import ModelResolution, RequestTemplates
from .results_log import MAIN, ResultLog, missing_cases
from .run_config import RunConfig, open_recorder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from google import genai

    from ..cassettes.recorder import Recorder
    from ..tuning.jobs import Job
    from .custom_predict import FittedEstimator, Technique, TechniqueClient

#: A gate that waits for live answers of other processes gives up after this long without a new one.
_PATIENCE_S = 60.0
#: Where a replay sends what a cassette answers.
_NO_SERVER = "http://replay.invalid"


class Run:
    """Asks cases and logs results. ``close`` stops whatever was started. ``base_url``: a server that runs already."""

    def __init__(
        self, setup: RunConfig, log: ResultLog, *, retry: RetryPolicy | None = None, base_url: str | None = None
    ) -> None:
        self.setup = setup
        self.replays = setup.replays
        self._given_url = base_url
        self._retry = retry or RetryPolicy()
        self._given_up = False
        self.log = log
        self._closing = ExitStack()
        self._techniques: dict[str, Technique] = {}
        self._estimators: dict[str, FittedEstimator] = {}
        self._others: dict[str, OtherClient] = {}

    def ask(self, case: Case) -> Prediction:
        """The prediction of a case, from its cassette or from the service. Logged; a `NewsgaugeError` too."""
        return self._ask(case.post, case.variant, "item")

    def count_tokens(self, case: Case) -> int:
        """The countTokens result for a case's contents: recorded like a case, not logged. Raises `NewsgaugeError`.

        A tuned model is counted by the model it was tuned from: they have one tokenizer.
        """
        from ..planning.training_set import PLAIN_BASE_MODEL

        variant, setup = self.setup.variants[case.variant], self.setup
        if not variant.is_gemini_prompt:
            raise TechniqueError(f"{variant.name}: countTokens counts a request, and this variant has none of its own")
        ready = setup.ready(variant, "" if variant.tuning is None else PLAIN_BASE_MODEL)
        request = ready.template.about(case.post.text)
        client = self._clients.at(request.location)
        return self._recorder.play(variant.name, case.post, lambda: count_tokens(client, request, self._retry))

    def tuned_job(self, variant: str) -> Job:
        """The job that trained a variant's model on the embedded backend, with its losses; recorded as one line."""
        from ..tuning.developer import DeveloperTuning

        what = Post("training", variant, "")  # asks about no post
        model = self._models.ready(self.setup.variants[variant], lambda: None).model
        service = DeveloperTuning(self._base_url or _NO_SERVER)
        return self._recorder.play(variant, what, lambda: service.model(model))

    def results(self, variants: tuple[str, ...]) -> Mapping[Key, Result]:
        """All results of these variants, as complete as possible without paid calls.

        In a replay, what no process has asked yet is recomputed here from the cassettes. Otherwise the gate waits for
        the processes that are still asking.
        """
        results = self.log.read()
        missing = missing_cases(results, self.setup.plan, variants)
        if not self.replays:
            return self._wait(variants, len(missing))
        posts = {name: {post.id: post for post in self.setup.plan.asked(name)} for name in variants} if missing else {}
        for post_id, variant in missing:
            post = posts[variant][post_id]
            try:
                said = self._looked_up(post, self.setup.variants[variant])
                if said is None:
                    self._ask(post, variant, "gate")
                else:
                    self.log.add(Result(post_id, variant, post.label, said, "", "gate"))
            except NewsgaugeError:
                continue  # logged as broken: the verdict names it
        return self.log.read() if missing else results

    @contextmanager
    def beside(
        self, folder: str, variants: Iterable[Variant], *, keys: Iterable[str], recorded_with: str = ""
    ) -> Iterator[Run]:
        """A run of cases that are no part of the plan, with cassettes in ``<corpus>+<folder>``.

        ``keys`` are the ids of all posts it may ask: after a recording its cassettes are sorted and hold no others.
        ``recorded_with`` names the variants of the plan whose recording also records these.
        """
        config = self.setup.aside(folder, variants, recorded_with=recorded_with)
        with brief_run(config, retry=self._retry) as run:
            yield run
        if not config.replays:
            recorder = open_recorder(config)
            for name in config.variants:
                recorder.finalize(name, set(keys))

    def why_not_answered(self, case: Case) -> NewsgaugeError | None:
        """Why a case has no answer from the cassettes; None if it has. For a setup that replays; logs nothing.

        A `CassetteError` if it is the cassettes' fault; another if a callable of the user's failed.
        """
        self._clients.at(None)  # what it imports may start a program (trio: ldconfig), and does so before the block
        try:
            with network_blocked, attempts_fail:
                self._predict(case.post, self.setup.variants[case.variant])
        except (CassetteError, TechniqueError, NetworkBlockedError) as error:
            return error
        return None

    def close(self) -> None:
        """Stop the embedded backend and let go of files."""
        self._closing.close()
        self.log.close()

    def _ask(self, post: Post, variant: str, origin: Literal["item", "gate"]) -> Prediction:
        prediction, broken = None, ""
        try:
            prediction = self._predict(post, self.setup.variants[variant])
            if not self.replays and self.setup.variants[variant].has_cassette:
                prediction = replace(prediction, latency_ms=self._recorder.live_ms)
        except NewsgaugeError as error:
            broken = whole_text(self.setup.told(error, variant, self._given_url))  # what a service says may be anything
            if broken != str(error):
                raise type(error)(broken) from None  # a service may repeat the key that it refuses
            raise
        finally:
            if prediction is not None or broken:
                self.log.add(Result(post.id, variant, post.label, prediction, broken, origin))
        return prediction

    def _looked_up(self, post: Post, variant: Variant) -> Prediction | None:
        """What `_predict` would replay, at a tenth of its cost, because the SDK builds no request per post.

        None if the cassette does not simply answer. Then `_predict` says why.
        """
        try:
            if not variant.is_gemini_prompt:
                return None
            case = self._recorder.case(variant.name, post)
            if not case.left:
                return None
            ready = self._models.ready(variant, lambda: case.left[0])
            answer = case.find(self._written.asked(ready.template, post.text, self.setup.blocks(variant.name)))
            if answer is None:
                return None
            return read_for(variant, recorded_response(answer.body), self.setup.plan.labels)
        except Exception:  # a damaged line, an answer that the SDK does not take: the whole road has words for it
            return None

    def _predict(self, post: Post, variant: Variant) -> Prediction:
        labels = self.setup.plan.labels
        if variant.estimator is not None:
            return self._estimator(variant).predict(post.text, labels)
        ready = self._models.known.get(variant.name) or self._models.ready(
            variant, lambda: self._recorder.file(variant.name).read(post.id)
        )
        if variant.predict is not None:
            return self._ask_technique(post, ready)
        request, provenance = ready.template.about(post.text), ready.provenance
        if variant.api != "gemini":
            other = self._other_client(variant.api)
            with self._patience() as retry:
                said = self._recorder.play(variant.name, post, lambda: other.ask(request, retry), provenance)
            return read_other(said, variant, labels)
        client = self._clients.at(request.location)
        if self.replays:
            response = self._recorder.play(variant.name, post, lambda: generate_once(client, request), provenance)
            return read_for(variant, response, labels)
        with self._patience() as retry:
            response = self._recorder.play(variant.name, post, lambda: generate(client, request, retry), provenance)
        return read_for(variant, response, labels)

    def _ask_technique(self, post: Post, ready: ReadyVariant) -> Prediction:
        technique = self._technique(ready.variant.name, ready.location)
        calls = technique.calls(self._recorder, ready.variant.name, post)
        # What it tries past its client breaks the case, also if it takes the refusal for an answer.
        with self._patience() as retry, attempts_fail:
            return technique.predict(post, calls, model=ready.model, provenance=ready.provenance, policy=retry)

    @contextmanager
    def _patience(self) -> Iterator[RetryPolicy]:
        """How long to go on asking. A service that was asked in vain until the deadline is asked once per case until it
        answers again: a run of many cases must not wait as many deadlines.
        """
        try:
            yield replace(self._retry, deadline_s=0.0) if self._given_up else self._retry
        except TransientError:
            self._given_up = True
            raise
        self._given_up = False

    def _technique(self, name: str, location: str | None) -> Technique:
        if name not in self._techniques:
            from .custom_predict import Technique

            spec, labels = self.setup.variants[name].predict, self.setup.plan.labels
            assert spec is not None
            self._techniques[name] = Technique(
                spec, self.setup.callables[name], client=self._technique_clients.at(location), labels=labels
            )
        return self._techniques[name]

    def _estimator(self, variant: Variant) -> FittedEstimator:
        if variant.name not in self._estimators:
            from .custom_predict import FittedEstimator

            training = variant.training
            assert variant.estimator is not None
            assert training is not None
            self._estimators[variant.name] = FittedEstimator(
                variant.estimator,
                self.setup.callables[variant.name],
                lambda: self.setup.train_posts.draw(
                    training.posts_per_class, training.seed, share_threads=training.share_threads
                ),
            )
        return self._estimators[variant.name]

    @cached_property
    def _models(self) -> ModelResolution:
        return ModelResolution(self.setup, base_url=lambda: self._base_url)

    @cached_property
    def _written(self) -> RequestTemplates:
        return RequestTemplates(self.setup.backend)

    @cached_property
    def _base_url(self) -> str | None:
        if self.replays or self._given_url or self.setup.backend != "embedded":
            return self._given_url
        return self._closing.enter_context(embedded_server())

    @cached_property
    def _clients(self) -> PerLocation[genai.Client]:
        return self._closing.enter_context(closing(PerLocation(self.setup.access(self._base_url), open_client)))

    @cached_property
    def _technique_clients(self) -> PerLocation[TechniqueClient]:
        from .custom_predict import TechniqueClient

        return self._closing.enter_context(closing(PerLocation(self.setup.access(self._base_url), TechniqueClient)))

    def _other_client(self, api: str) -> OtherClient:
        if api not in self._others:
            embedded = self._base_url if self.setup.backend == "embedded" else None
            client = OtherClient(api, live=not self.replays, embedded=embedded)
            self._others[api] = self._closing.enter_context(closing(client))
        return self._others[api]

    @cached_property
    def _recorder(self) -> Recorder:
        recorder = open_recorder(self.setup)
        self._closing.callback(recorder.close)
        return recorder

    def _wait(self, variants: tuple[str, ...], n_missing: int) -> Mapping[Key, Result]:
        if "PYTEST_XDIST_WORKER" not in os.environ:
            return self.log.read()  # no other process is asking: missing results will not come
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            results = self.log.read()
            still_missing = len(missing_cases(results, self.setup.plan, variants))
            if not still_missing or time.monotonic() > deadline:
                return results
            if still_missing < n_missing:
                n_missing, deadline = still_missing, time.monotonic() + _PATIENCE_S
            time.sleep(0.1)


@contextmanager
def brief_run(setup: RunConfig, **how: Any) -> Iterator[Run]:
    """A run whose results nobody else reads."""
    with TemporaryDirectory(prefix="newsgauge-") as log, closing(Run(setup, ResultLog(Path(log), MAIN), **how)) as run:
        yield run
