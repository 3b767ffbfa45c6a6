"""What the command line decided about a run: the plan, the variants to ask, of whom, and where recordings lie.

Everything that asks, replays or counts is handed a `RunConfig`; it asks nobody itself.
"""

from __future__ import annotations

import os
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._util.pytest_ini import command_of
from .._util.secrets import hide_secrets
from ..cassettes.services import GEMINI, named_service
from ..client.answers import read_answer
from ..client.calls import DryClient, recorded_response
from ..client.clients import Access, check_access
from ..client.config_checks import check_config
from ..client.embedded import check_installed, is_loopback
from ..client.other_apis import check_api_access
from ..corpora.corpus import Corpus
from ..corpora.preprocessing import PREPROCESSING, plain
from ..errors import BackendError, GoneError, NewsgaugeError, UsageError, VariantsError
from ..planning.plan_file import RunPlan, Shard, asked_digest, part_of
from ..planning.sampling import Plan
from ..planning.stops import Stop, load_stops
from ..planning.training_set import TrainingSet, TrainPosts
from ..records import Backend, Case, Outcome
from ..variants.checks import TUNED
from ..variants.variants_file import ReadyVariant, Variant, prompt_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ..cassettes.digest import Block
    from ..cassettes.line import Line
    from ..cassettes.recorder import Recorder, RecordMode
    from .few_shot import Examples


@dataclass(frozen=True)
class RunConfig:
    """What the command line decided: the plan, the variants to ask, and whom."""

    corpus: Corpus
    plan: Plan
    variants: dict[str, Variant]
    backend: Backend
    mode: RecordMode
    cassettes: Path
    shown_cassettes: str
    #: The options that differ from the project's usual ones.
    options: str
    #: Those of them that choose the corpus, as other commands take them too.
    corpus_options: str = ""
    #: The entry for this plan in PLANS.toml.
    plan_table: Mapping[str, Any] = field(default_factory=dict)
    #: Where ``newsgauge tune`` keeps what it tuned on a service.
    tuned_file: Path = Path(".newsgauge") / "tuned.json"
    #: The test posts that the plan's labels have in the corpus; None if nobody counted.
    n_whole_set: int | None = None
    #: Variants whose recording command also records these; empty if each is recorded separately.
    recorded_with: str = ""
    #: Which part of the plan is asked here; None: all of it.
    shard: Shard | None = None
    #: The version of the API to ask; None: the SDK's own.
    api_version: str | None = None
    #: Answers of these kinds are asked again, though they are recorded.
    again: frozenset[Outcome] = frozenset()
    #: The folder of variants.toml.
    evals: Path = Path("evals")
    #: Where the modules of callables that variants.toml names are looked for first.
    code: tuple[Path, ...] = ()

    @property
    def replays(self) -> bool:
        """True if every answer must come from a cassette."""
        return self.mode == "none"

    def access(self, base_url: str | None) -> Access:
        """How a client of this run reaches its backend. With an API key alone no tuned model can be asked on Vertex."""
        express = all(variant.tuning is None for variant in self.variants.values())
        return Access(self.backend, base_url, live=not self.replays, api_version=self.api_version, express=express)

    def told(self, error: NewsgaugeError, variant: str, base_url: str | None) -> str:
        """Why a case is broken, without keys; of a tuned model that is gone, with the command that trains it anew."""
        why = str(error)
        if isinstance(error, GoneError) and self.backend == "vertex":
            server = f" --base-url {base_url}" if base_url else ""
            named = "" if variant == TUNED else f" --variant {variant}"
            vertex = f"{self.corpus_options}{named} --backend vertex{server} --bucket gs://BUCKET"
            why += f". The tuned model is gone; train it again: newsgauge tune --new{vertex}"
        return hide_secrets(why)

    @property
    def train_posts(self) -> TrainPosts:
        """What the variants that learn draw from."""
        prepare = preprocessor(self.corpus, self.plan.preprocessing)
        return TrainPosts(self.corpus, self.plan.classes, self.plan.labels, prepare)

    @cached_property
    def trainings(self) -> dict[str, TrainingSet]:
        """The training set of each variant that asks a tuned model."""
        return {
            name: self.train_posts.training_set(variant.tuning)
            for name, variant in self.variants.items()
            if variant.tuning is not None
        }

    @cached_property
    def part(self) -> Plan:
        """What is asked of the plan here: all of it, or a shard. The digest is the whole plan's."""
        return self.plan if self.shard is None else part_of(self.plan, self.shard)

    @property
    def cases(self) -> list[Case]:
        """Every post of this part asked of every variant."""
        return [Case(post, variant) for variant in self.variants for post in self.part.asked(variant)]

    @cached_property
    def run_plan(self) -> RunPlan:
        """The part of this that the results folder keeps."""
        models = {name: training.model for name, training in self.trainings.items()}
        return RunPlan(
            plan=self.plan,
            part=self.part,
            shard=self.shard,
            backend=self.backend,
            mode=self.mode,
            asked={name: asked_digest(one) for name, one in self.variants.items()},
            prompts={
                name: prompt_digest(
                    one,
                    models.get(name, one.model),
                    examples=self.examples[name].digest if name in self.examples else "",
                )
                for name, one in self.variants.items()
            },
            n_whole_set=self.n_whole_set,
            trained_threads=self._trained_threads,
        )

    @property
    def _trained_threads(self) -> dict[str, tuple[str, ...]]:
        """Variants that may share threads with test posts -> those posts of the plan that do."""
        examples = {name: one.examples for name, one in self.trainings.items() if one.tuning.share_threads}
        for name, variant in self.variants.items():
            if (training := variant.training) is not None and training.share_threads:
                examples[name] = self.train_posts.draw(training.posts_per_class, training.seed, share_threads=True)
        threads = {name: {post.thread for post in posts} - {None} for name, posts in examples.items()}
        return {name: tuple(post.id for post in self.plan.posts if post.thread in own) for name, own in threads.items()}

    def aside(self, folder: str, variants: Iterable[Variant], *, recorded_with: str) -> RunConfig:
        """This setup for what is no case of the plan: cassettes beside the corpus' own, in ``<corpus>+<folder>``.

        ``recorded_with``: the variants of the plan in whose recording these are recorded.
        """
        return replace(
            self,
            variants={variant.name: variant for variant in variants},
            cassettes=self.cassettes.with_name(f"{self.cassettes.name}+{folder}"),
            shown_cassettes=f"{self.shown_cassettes}+{folder}",
            recorded_with=recorded_with,
        )

    @cached_property
    def examples(self) -> dict[str, Examples]:
        """What ``{examples}`` stands for in each variant that shows some."""
        from .few_shot import make_examples

        return {
            name: make_examples(self.train_posts, variant.few_shot)
            for name, variant in self.variants.items()
            if variant.few_shot is not None
        }

    @cached_property
    def callables(self) -> dict[str, Callable[..., Any]]:
        """The callable of each variant that names one. Raises `VariantsError`."""
        return {
            name: variant_callable(variant, self.code)
            for name, variant in self.variants.items()
            if variant.predict or variant.estimator
        }

    def ready(self, variant: Variant, model: str = "", provenance: Mapping[str, str] | None = None) -> ReadyVariant:
        """A variant with the labels and examples of this run; ``model``: another one than its own."""
        shown = self.examples.get(variant.name)
        examples = shown.block.text if shown else ""
        return ReadyVariant(variant, model or variant.model, self.plan.labels, examples, provenance or {})

    def blocks(self, variant: str) -> tuple[Block, ...]:
        """The texts that every request of a variant contains and no recording keeps: its examples."""
        return (self.examples[variant].block,) if variant in self.examples else ()

    @property
    def recorded_cases(self) -> list[Case]:
        """The variants that ask a service."""
        return [case for case in self.cases if self.variants[case.variant].has_cassette]

    @property
    def command(self) -> str:
        """The pytest command of this plan, from the working directory; it replays."""
        return f"{command_of(os.path.relpath(self.evals))}{self.options}"

    @property
    def record_options(self) -> str:
        """The options of this plan for a command that records."""
        again = ",".join(sorted(kind.value for kind in self.again))
        return f"{self.options} --again {again}" if again else self.options

    def rerecord(self, variant: str) -> str:
        """The command that records a variant of this plan again."""
        return f"{self.command} --variants {self.recorded_with or variant} --record-mode new_episodes"


def preprocessor(corpus: Corpus, name: str) -> Callable[[str], str]:
    """The function from a raw post of this corpus to the text to ask about; a table's texts are only cut."""
    return PREPROCESSING[name] if corpus.is_mail else plain


def open_recorder(setup: RunConfig) -> Recorder:
    """The cassettes of a setup."""
    from ..cassettes.recorder import Recorder

    return Recorder(
        setup.cassettes,
        mode=setup.mode,
        backend=setup.backend,
        shown=setup.shown_cassettes,
        rerecord=setup.rerecord,
        pins=lambda variant: setup.variants[variant].pinned_version(setup.backend),
        now=lambda: datetime.now(UTC),
        blocks=cache(setup.blocks),
        local_only=setup.backend == "embedded",
        texts_at=_texts_at(setup.corpus.path),
        **({"asks_again": lambda line: _outcome(line, setup) in setup.again} if setup.again else {}),
    )


def _texts_at(path: Path | None) -> str:
    if path is None:
        return "the corpus"
    return f"{path.as_posix()}/**" if path.is_dir() else path.as_posix()


def _outcome(line: Line, setup: RunConfig) -> Outcome | None:
    """What kind of answer a line holds; None for one that cannot be read."""
    service = named_service(line.service)
    if service is not GEMINI:
        return service.outcome(line.answer)
    try:
        return read_answer(recorded_response(deepcopy(line.answer)), setup.plan.labels).outcome
    except Exception:  # whatever the SDK raises for an answer that it does not understand
        return None


def stops_of(setup: RunConfig) -> dict[str, Stop]:
    """Where the recordings of this plan's variants stopped early. Raises `UsageError`."""
    return {name: one for name, one in load_stops(setup.cassettes, setup.plan.digest).items() if name in setup.variants}


def stand_ins(setup: RunConfig) -> list[str]:
    """A line for each tuned variant whose answers are another model's, because its job did not end in time."""
    if setup.backend != "vertex" or not setup.trainings:
        return []
    from ..tuning.vertex import stand_in_note

    recorder, post_ids = open_recorder(setup), [post.id for post in setup.part.posts]
    notes = [stand_in_note(name, recorder.file(name), post_ids) for name in setup.trainings]
    return [note for note in notes if note]


def check_setup(setup: RunConfig, *, base_url: str | None = None) -> None:
    """Refuse before the first request what could only fail after it; one of this machine is asked without an account.

    Raises `UsageError`.
    """
    # A module that cannot be imported shows here, and a corpus without train posts.
    _ = setup.callables, setup.trainings, setup.examples
    for variant in setup.variants.values():
        if variant.config and variant.is_gemini_prompt:
            _check_sent(setup, variant)
    if setup.replays:
        return
    is_prompt = any(variant.is_gemini_prompt for variant in setup.variants.values())  # callables may ask others
    if is_prompt and not is_loopback(base_url or ""):
        check_access(setup.backend)
    for api in {variant.api for variant in setup.variants.values()} - {"gemini"}:
        check_api_access(api, setup.backend)
    if setup.backend == "embedded":
        check_installed("--backend embedded with --record-mode " + setup.mode)
    if setup.backend == "gemini" and setup.trainings:
        raise UsageError(
            "--backend gemini: Google ended tuning on the Developer API; leave the tuned variant out with --variants "
            f"{','.join(name for name, variant in setup.variants.items() if variant.model != TUNED)}"
        )
    if setup.backend == "vertex":
        from ..tuning.vertex import model_to_record

        for training in setup.trainings.values():
            model_to_record(setup.tuned_file, setup.corpus.name, training, options=setup.corpus_options)


def _check_sent(setup: RunConfig, variant: Variant) -> None:
    """Refuse a config that the SDK does not take, or sends to another backend only. Raises `VariantsError`."""
    check_config(variant)
    try:
        DryClient(setup.backend).write(setup.ready(variant, "a model").template.about(setup.plan.posts[0].text))
    except BackendError as error:
        why = str(error).partition(": ")[2]
        raise VariantsError(
            f"variants.toml: [{variant.name}]: config: not for --backend {setup.backend}: {why}"
        ) from None


def variant_callable(variant: Variant, folders: Sequence[Path]) -> Callable[..., Any]:
    """The callable that a variant names, looked for in ``folders`` first. Raises `VariantsError`."""
    from ..variants.callables import load_callable
    from .custom_predict import CALLED, ESTIMATOR_CALLED

    return load_callable(
        variant.predict or variant.estimator or "",
        folders,
        where=f"variants.toml: [{variant.name}]",
        called=CALLED if variant.predict else ESTIMATOR_CALLED,
    )
