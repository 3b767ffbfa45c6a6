"""A variant ready for the user's own texts: options in, a function from text to answer out."""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path

from ...client.clients import Access, open_client
from ...client.config_checks import check_config
from ...client.other_apis import OtherClient, check_api_access
from ...client.retry import RetryPolicy
from ...corpora.corpus import Corpus
from ...corpora.preprocessing import plain
from ...errors import UsageError
from ...running.classifying import Answer, classify
from ...running.custom_predict import FittedEstimator, Technique, TechniqueClient
from ...running.few_shot import make_examples
from ...running.other_services import read_other
from ...running.run_config import variant_callable
from ...tuning.tuned_file import FILE, read_tuned
from ...variants.variants_file import ReadyVariant, Variant, load_variants
from ..backend_options import api_version_of, bucket_option, reach_backend, same_options
from .training_options import SAME, VARIANTS, classes_of, load_corpus, train_posts
from .tuning_run import train_embedded

Ask = Callable[[str], "Answer"]


@contextmanager
def asking(variant: Variant, options: argparse.Namespace) -> Iterator[Ask]:
    """A function that asks the variant within the block. Raises `UsageError` before anything is asked."""
    corpus = load_corpus(options)
    if variant.estimator is not None:
        fitted, labels = _estimator(variant, corpus, options), _labels(corpus, options)
        yield lambda text: Answer(fitted.predict(plain(text), labels))
        return
    check_config(variant)
    model, labels = _model_and_labels(variant, corpus, options)
    function = _callable(variant) if variant.predict is not None else None
    is_gemini, shown = variant.api == "gemini", ""
    reached = reach_backend(options.backend, options.base_url) if is_gemini or options.backend == "embedded" else None
    with reached or nullcontext() as url:
        if variant.few_shot is not None:
            shown = make_examples(train_posts(options, corpus, labels), variant.few_shot).block.text
        ready = ReadyVariant(variant, model, labels, shown)
        if not is_gemini:
            check_api_access(variant.api, options.backend)
            with closing(OtherClient(variant.api, live=True, embedded=url)) as other:

                def ask(text: str) -> Answer:
                    request = ready.template.about(plain(text))
                    return Answer(read_other(other.ask(request, RetryPolicy()), variant, labels))

                yield ask
            return
        access = Access(
            options.backend,
            url,
            api_version=api_version_of(options),
            express=variant.tuning is None,
            location=ready.location,
        )
        if function is not None:
            with closing(TechniqueClient(access)) as own:
                technique = Technique(variant.predict or "", function, client=own, labels=labels)
                yield lambda text: Answer(technique.predict_live(plain(text), model=model, policy=RetryPolicy()))
            return
        with closing(open_client(access)) as client:
            yield lambda text: classify(client, ready, text, with_second=not options.no_second)


def _untuned(options: argparse.Namespace) -> str:
    others = (name for name, one in load_variants(VARIANTS).items() if one.model and one.tuning is None)
    same = same_options(options, tuple(name for name in SAME if name != "variant"))
    return f"newsgauge classify{same} --variant {next(others, 'NAME')} {shlex.quote(options.text)}"


def _estimator(variant: Variant, corpus: Corpus, options: argparse.Namespace) -> FittedEstimator:
    training = variant.training
    assert training is not None
    return FittedEstimator(
        variant.estimator or "",
        _callable(variant),
        lambda: train_posts(options, corpus).draw(training.posts_per_class, training.seed),
    )


def _callable(variant: Variant) -> Callable[..., object]:
    return variant_callable(variant, (Path.cwd() / VARIANTS.parent, Path.cwd()))


def _labels(corpus: Corpus, options: argparse.Namespace) -> tuple[str, ...]:
    pattern = re.compile(classes_of(options, corpus))
    return tuple(sorted({post.label for post in corpus.posts("test") if pattern.search(post.label)}))


def _model_and_labels(variant: Variant, corpus: Corpus, options: argparse.Namespace) -> tuple[str, tuple[str, ...]]:
    if variant.tuning is None:
        return variant.model, _labels(corpus, options)

    entries = [e for e in read_tuned(FILE).values() if (e.backend, e.corpus) == (options.backend, corpus.name)]
    if not entries and options.backend == "embedded" and options.base_url is None:
        entries = [train_embedded(variant.tuning, corpus, options)]
    if not entries:
        lacks = f"{FILE} knows no tuned model of the {options.backend} backend for {corpus.name}"
        if options.backend == "gemini":
            raise UsageError(f"{lacks}, and Google ended tuning there. Ask another variant: {_untuned(options)}")
        raise UsageError(f"{lacks}. Get one: newsgauge tune{same_options(options, SAME)}{bucket_option(options)}")
    newest = entries[-1]
    if newest.fallback_for:
        print(f"newsgauge: {newest.model} is used instead of {newest.fallback_for}", file=sys.stderr)
    return newest.model, newest.labels
