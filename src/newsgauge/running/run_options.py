"""The options of a run in, a `RunConfig` out. A mistake in them is a `UsageError`, before anything runs."""

from __future__ import annotations

import os
import shlex
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._util.option_values import is_whole, one_of, whole
from .._util.secrets import find_secrets, hide_secrets
from ..corpora.preprocessing import PREPROCESSING
from ..errors import UsageError
from ..records import BACKENDS
from ..variants.checks import MOST_REPEATS
from .recording_options import chosen_again, chosen_api_version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..corpora.corpus import Corpus
    from ..planning.sampling import Plan
    from ..variants.variants_file import Variant
    from .run_config import RunConfig

_DEFAULTS: dict[str, Any] = {
    "corpus": "bundled",
    "classes": None,
    "posts_per_class": "10",
    "sample": None,
    "sample_seed": 0,
    "preprocessing": "clean",
    "columns": None,
    "encoding": None,
    "delimiter": None,
    "backend": "embedded",
    "cassettes": None,
    "repeats": None,
    "api_version": None,
}
#: The ini values about the project's corpus.
USUAL_CORPUS = ("corpus", "columns", "encoding", "delimiter", "posts_per_class", "sample")
#: What says how to read a table: as options, and as ini values.
TABLE_OPTIONS = ("columns", "encoding", "delimiter")


def add_plan_options(add: Callable[..., Any]) -> None:
    """The options that decide a plan and its cassettes; ``add`` is a parser's, pytest's or argparse's."""
    add(
        "--corpus",
        metavar="NAME",
        help="bundled, 20newsgroups, a folder, or a csv, tsv, jsonl or parquet file "
        "(default: the ini value newsgauge_corpus, bundled)",
    )
    add(
        "--classes",
        default=_DEFAULTS["classes"],
        metavar="REGEX",
        help="labels to keep (default: ^rec|^sci, all for your own corpus)",
    )
    add(
        "--posts-per-class",
        metavar="N|at-most:N|all",
        help="texts to draw per label; at-most:N takes fewer from labels that have fewer (default: the ini value "
        "newsgauge_posts_per_class, else 10)",
    )
    add(
        "--sample",
        metavar="proportional:N",
        help="instead of --posts-per-class: draw N texts in all, each label as often as in the data (ini value "
        "newsgauge_sample)",
    )
    add(
        "--sample-seed",
        type=int,
        default=_DEFAULTS["sample_seed"],
        metavar="N",
        help="seed of the random draw (default: 0)",
    )
    add("--allow-threads", action="store_true", help="draw more than one text per thread (a subject with its replies)")
    add(
        "--preprocessing",
        **one_of(PREPROCESSING),
        default=_DEFAULTS["preprocessing"],
        help="clean: right on any mail (default); clean-body: without subject, quotes and footer, as scikit-learn's "
        "remove= does; codelab: as the codelab did it, letter for letter",
    )
    add(
        "--columns",
        metavar="NAME=COLUMN,..",
        help="columns of a table that are not called text, label, id, split, thread",
    )
    add("--encoding", metavar="NAME", help="encoding of a table or of text files (default: utf-8)")
    add(
        "--delimiter",
        metavar="WORD",
        help="what separates the columns of a csv file: comma (default), semicolon, tab, pipe",
    )
    add("--variants", metavar="A,B", help="ask only these variants of variants.toml (default: all)")
    add(
        "--repeats",
        type=whole(MOST_REPEATS),
        metavar="K",
        help="ask about every text K times, to see how answers vary (default: the 'repeats' of each variant, else 1)",
    )
    add(
        "--backend",
        **one_of(BACKENDS),
        help="service to ask (default: the ini value newsgauge_backend, else embedded)",
    )
    add(
        "--cassettes",
        metavar="DIR",
        help="folder of the cassettes (default: the ini value newsgauge_cassettes, cassettes)",
    )


def baseline_name(backend: str, plan: Plan) -> str:
    """Where in the evals folder the baseline of a backend's answers lies."""
    return f"baselines/{backend}/{recordings_of(plan.corpus, plan.preprocessing)}.json"


def default_options(**changed: Any) -> Namespace:
    """The options that decide a plan, at their defaults but for these: what a plan of PLANS.toml stands for."""
    return Namespace(
        **{**_DEFAULTS, "allow_threads": False, "variants": None, "record_mode": "none", "shard": None, **changed}
    )


def setup_of(option: Any, variants: dict[str, Variant], *, root: Path, ini: Callable[[str], str]) -> RunConfig:
    """The same without pytest: ``option`` has the options as attributes, ``ini`` knows the folders' names."""
    from ..cassettes.services import add_services
    from ..corpora.corpus import find_corpus
    from ..planning.plan_file import parse_shard
    from ..planning.sampling import make_plan, stopped_at
    from ..variants.disturbances import disturb
    from ..variants.variants_file import select_variants
    from .run_config import RunConfig, preprocessor, stops_of

    evals = root / (ini("newsgauge_evals") or "evals")
    add_services(evals / "services.toml")
    chosen = select_variants(variants, option.variants)
    option.backend = _backend(option.backend, ini)
    usual = _usual_corpus(option, root=root, ini=ini)
    values = {name: value if getattr(option, name) is None else getattr(option, name) for name, value in usual.items()}
    bundled = root / ini("newsgauge_bundled")
    posts_per_class, sample = sample_size(option, values)
    corpus = find_corpus(values["corpus"], bundled=bundled, **{name: values[name] for name in TABLE_OPTIONS})
    plan = make_plan(
        corpus.posts("test"),
        corpus=corpus.name,
        classes=option.classes if option.classes is not None else usual_classes(corpus.name),
        posts_per_class=posts_per_class,
        seed=option.sample_seed,
        allow_threads=option.allow_threads,
        preprocessing=option.preprocessing,
        preprocess=preprocessor(corpus, option.preprocessing),
        sample=sample,
    )
    _check_labels(corpus.name, plan.labels)
    asked = {name: getattr(option, "repeats", None) or variant.repeats for name, variant in chosen.items()}
    repeats = {name: times for name, times in asked.items() if times > 1}
    disturbed = {
        name: disturb(one.under, plan.labels, variant=name, folders=(evals, root))
        for name, one in chosen.items()
        if one.under
    }
    # The digest is asked for often, and computed from all texts.
    plan = replace(plan, whole_digest=plan.digest, repeats=repeats, disturbed=disturbed)
    plan = replace(plan, unit=ini("newsgauge_unit") or _usual_unit(corpus))
    own = recordings_of(corpus.name, option.preprocessing)
    shown = f"{option.cassettes or ini('newsgauge_cassettes')}/{option.backend}/{own}"
    shard = getattr(option, "shard", None)  # an option of pytest's alone: a command asks the whole plan
    setup = RunConfig(
        corpus=corpus,
        plan=plan,
        variants=chosen,
        backend=option.backend,
        mode=option.record_mode or "none",  # None: pytest-recording's default
        cassettes=root / shown,
        shown_cassettes=shown,
        options=_changed_options(option, {**_DEFAULTS, **usual}) + (" --allow-threads" if option.allow_threads else ""),
        corpus_options=_changed_options(
            option,
            {name: {**_DEFAULTS, **usual}[name] for name in ("corpus", *TABLE_OPTIONS, "classes", "preprocessing")},
        ),
        tuned_file=root / ".newsgauge" / "tuned.json",
        n_whole_set=sum(plan.population.values()),
        shard=parse_shard(shard) if shard is not None else None,
        api_version=chosen_api_version(option.api_version, ini("newsgauge_api_version")),
        again=chosen_again(getattr(option, "again", None), option.record_mode or "none"),
        plan_table=_plan_table(option, values, root),
        evals=evals,
        code=(evals, root),
    )
    if setup.replays:
        setup = replace(setup, plan=stopped_at(plan, stops_of(setup)))
    _ = setup.part  # more shards than posts show here
    return setup


def _check_labels(corpus: str, labels: Iterable[str]) -> None:
    """Refuse a label that holds a secret: labels stand in tests' names and in every report."""
    for label in labels:
        if kinds := find_secrets(label):
            raise UsageError(
                f"{corpus}: the label {hide_secrets(label)!r} holds what looks like a secret ({', '.join(kinds)}), and "
                "labels are written into every report; give it another name in your data"
            )


def _usual_unit(corpus: Corpus) -> str:
    """What messages call a text of the corpus if the ini value newsgauge_unit does not say."""
    if corpus.name in ("bundled", "20newsgroups"):
        return "post"
    return "mail" if corpus.is_mail else "text"


def recordings_of(corpus: str, preprocessing: str) -> str:
    """The name of a corpus' folder of cassettes, and of its baseline: texts of two preprocessings differ."""
    return corpus if preprocessing == _DEFAULTS["preprocessing"] else f"{corpus}+{preprocessing}"


def _usual_corpus(option: Any, *, root: Path, ini: Callable[[str], str]) -> dict[str, Any]:
    """Corpus, how to read it and posts of each label if the command line says nothing.

    The ini values are about the corpus that is named there: the ``--corpus`` of another one puts them
    all aside.
    """
    usual = {name: ini(f"newsgauge_{name}") or _DEFAULTS[name] for name in USUAL_CORPUS}
    if usual["corpus"] not in ("bundled", "20newsgroups"):
        usual["corpus"] = os.path.relpath(root / usual["corpus"])
    # Naming the project's own corpus changes nothing.
    is_usual = option.corpus is None or os.path.normpath(option.corpus) == usual["corpus"]
    return usual if is_usual and ini("newsgauge_corpus") else {name: _DEFAULTS[name] for name in USUAL_CORPUS}


def usual_classes(corpus: str) -> str:
    """The labels that are kept unless ``--classes`` says otherwise."""
    from ..corpora.corpus import BUNDLED
    from ..corpora.twenty_newsgroups import TWENTY

    return "^rec|^sci" if corpus in (BUNDLED, TWENTY) else "."


def plan_defaults() -> dict[str, Any]:
    """What a plan of PLANS.toml stands for if it says nothing."""
    usual = {name: value for name, value in _DEFAULTS.items() if name not in ("cassettes", "api_version")}
    return {"backend": _DEFAULTS["backend"], **usual, "allow_threads": False}


def _plan_table(option: Any, values: dict[str, Any], root: Path) -> dict[str, Any]:
    """The table of PLANS.toml that asks for this plan: whatever is not the default, and the corpus."""
    corpus = values["corpus"]
    if corpus not in ("bundled", "20newsgroups"):
        values = {**values, "corpus": Path(os.path.relpath(corpus, root)).as_posix()}
    usual = plan_defaults()
    said = {name: values.get(name, getattr(option, name)) for name in usual}
    said |= {name: getattr(option, name, None) for name in ("variants", "repeats")}
    if said["sample"]:
        said["posts_per_class"] = usual["posts_per_class"]
    return {
        name: int(value) if name == "posts_per_class" and value.isdecimal() else value
        for name, value in said.items()
        if value is not None and (name == "corpus" or value != usual.get(name))
    }


def _backend(given: str | None, ini: Callable[[str], str]) -> str:
    backend = given or ini("newsgauge_backend") or _DEFAULTS["backend"]
    if backend not in BACKENDS:
        raise UsageError(f"newsgauge_backend: expected {', '.join(BACKENDS)}, got {backend!r}")
    return str(backend)


def sample_size(option: Any, values: dict[str, Any]) -> tuple[int | None, str]:
    """How many posts of each label (None: no such number), and the sample if that is not the whole story.

    What the command line says of either option puts aside what the ini file says of the other.
    """
    given, sample = option.posts_per_class, values["sample"] if option.posts_per_class is None else option.sample
    if given is not None and sample:
        raise UsageError(f"--posts-per-class {given} and --sample {sample}: expected one of them, got both")
    if sample:
        kind, _, number = sample.partition(":")
        if kind != "proportional" or not is_whole(number):
            raise UsageError(f"--sample: expected proportional:N with a number from 1, got {sample!r}")
        return None, f"proportional:{int(number)}"
    text = values["posts_per_class"]
    number = text.removeprefix("at-most:")
    if text == "all":
        return None, ""
    if not is_whole(number):
        raise UsageError(f"--posts-per-class: expected 'all', a number from 1, or at-most:N, got {text!r}")
    return int(number), "" if number == text else f"at-most:{int(number)}"


def _changed_options(option: Any, usual: dict[str, Any]) -> str:
    changed = [
        f" --{name.replace('_', '-')} {shlex.quote(str(getattr(option, name)))}"
        for name, value in usual.items()
        if getattr(option, name, None) not in (None, value)
    ]
    return "".join(changed)
