"""The forecast and the checks before a recording's first call: a setup in, a `Forecast` out, or a `UsageError`.

Nothing here asks a service. The embedded backend is free, so only the folder and the disk are checked.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from .._util.files import why_unwritable
from ..errors import CassetteError, UsageError
from ..planning.training_set import PLAIN_BASE_MODEL
from ..records import Case, Post
from ..running.recording_options import refuse_in_ci
from ..running.run_config import RunConfig, check_setup
from ..variants.variants_file import Variant
from .paying import Budget, CostOf
from .pending import find_pending

#: The rule of thumb of Gemini's documentation for English. Mail full of figures and signs has fewer characters a token.
CHARS_A_TOKEN = 4
#: A recorded line without its prompt: provenance, digests, an answer. Measured with a prompt: 860 to 1,370 bytes.
_LINE_BYTES = 1_500
_SPARE_BYTES = 1_000_000

#: Of a field of a JSON answer that is not the label: its name, some words, punctuation.
_FIELD_TOKENS = 20

#: (model, tokens in, tokens out) -> US dollars, or None if the model's price is not known.
Price = Callable[[str, int, int], float | None]
#: model -> tokens of thinking to expect per answer.
Thinking = Callable[[str], int]


@dataclass(frozen=True, slots=True)
class Forecast:
    """The calls a recording would make; tokens are estimates, ``output_tokens`` a bound, None if there is none.

    ``cost`` takes for the output what ``assumed`` says by variant: tokens of the answer, tokens of thinking.
    ``at_least``: variants with a callable of the user's own, which makes a call a case or more; nobody knows before.
    """

    backend: str
    calls: Mapping[str, int]
    input_tokens: int
    output_tokens: int | None
    cost: float | None = None
    at_least: frozenset[str] = frozenset()
    assumed: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    cases: tuple[Case, ...] = ()

    @property
    def n_calls(self) -> int:
        """Calls of all variants."""
        return sum(self.calls.values())

    def budget(self, limit: float | None, cost_of: CostOf) -> Budget | None:
        """What may be paid within a limit; None without one, or if no price is known."""
        if limit is None or self.cost is None or not self.n_calls:
            return None
        return Budget(cost_of, limit, self.cost / self.n_calls)

    def lines(self) -> list[str]:
        """The forecast in words, one fact a line."""
        open_end = {variant for variant in self.at_least if self.calls.get(variant)}
        each = ", ".join(
            f"{variant} {'at least ' if variant in open_end else ''}{n:,}" for variant, n in self.calls.items() if n
        )
        if not self.n_calls:
            return [f"no planned case is without a recording: {self.backend} is asked nothing"]
        bound = "unlimited (no max_output_tokens)" if self.output_tokens is None else f"at most {self.output_tokens:,}"
        digits = 2 if (self.cost or 0) >= 1 else 4
        cost = "cost: no price is known" if self.cost is None else f"cost: about {self.cost:,.{digits}f} USD"
        more = "and more in what a callable adds, " if open_end else ""
        tokens = f"about {self.input_tokens:,} tokens in ({CHARS_A_TOKEN} characters a token, an estimate)"
        return [
            f"asks {self.backend} {'at least ' if open_end else ''}{self.n_calls:,} times: {each}",
            f"{tokens}, {more}out {bound}; {cost}",
            f"assumed per answer: {self._assumed()}",
        ]

    def _assumed(self) -> str:
        """``8 tokens and 100 of thinking (flash), 8 tokens without thinking (lite)``."""
        variants: dict[tuple[int, int], list[str]] = {}
        for variant, tokens in self.assumed.items():
            variants.setdefault(tokens, []).append(variant)
        return ", ".join(
            f"{answer} tokens {f'and {thinking} of thinking' if thinking else 'without thinking'} ({', '.join(names)})"
            for (answer, thinking), names in variants.items()
        )


def check_recording(setup: RunConfig, *, in_ci: bool, base_url: str | None = None) -> None:
    """All checks before the first request; of a replay those of its configuration. ``in_ci``: whether CI may record.

    Raises `UsageError`.
    """
    if not setup.replays:
        refuse_in_ci(f"--record-mode {setup.mode}", allowed=in_ci)
    check_setup(setup, base_url=base_url)
    if not setup.replays:
        check_folder(setup)


def check_folder(setup: RunConfig) -> None:
    """Check that the folder and its files are writable and intact, and that the disk has room. Raises `UsageError`."""
    from ..cassettes.store import CassetteFile

    folder = setup.cassettes
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder, buffering=0) as probe:  # without a name: nothing is left, come what may
            probe.write(b"x")
        for variant in setup.variants:
            file = CassetteFile(folder / f"{variant}.jsonl", shown=f"{setup.shown_cassettes}/{variant}.jsonl")
            file.repair()
            file.keys()
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise UsageError(f"--record-mode {setup.mode}: cannot write to {folder}: {why_unwritable(error)}") from None
    except CassetteError as error:
        raise UsageError(f"--record-mode {setup.mode}: {error}") from None
    needed = _needed_bytes(setup)
    if free < needed:
        raise UsageError(
            f"--record-mode {setup.mode}: {folder} has {free:,} bytes free, and this recording may take {needed:,}"
        )


def forecast(
    setup: RunConfig,
    *,
    price: Price | None = None,
    thinking: Thinking | None = None,
    cases: Iterable[Case] | None = None,
) -> Forecast:
    """What this recording will ask, exactly (``cases``, if that is known); what it takes in tokens, estimated."""
    cases = tuple(find_pending(setup).to_ask if cases is None else cases)
    tokens_in: Counter[str] = Counter()
    tokens_out: Counter[str] = Counter()
    bounded = True
    assumed: dict[str, tuple[int, int]] = {}
    n_expected: Counter[str] = Counter()
    for case in cases:
        variant = setup.variants[case.variant]
        model = variant.model if variant.tuning is None else PLAIN_BASE_MODEL
        if case.variant not in assumed:
            thoughts = thinking(model) if thinking and not _is_without_thinking(variant) else 0
            assumed[case.variant] = (_answer_tokens(setup, variant), thoughts)
        chars = _chars(setup, variant, case.post)
        tokens_in[model] += -(-chars // CHARS_A_TOKEN)
        tokens_out[model] += variant.max_output_tokens or 0
        n_expected[model] += min(sum(assumed[case.variant]), variant.max_output_tokens or sum(assumed[case.variant]))
        bounded = bounded and variant.max_output_tokens is not None
    costs = [price(model, n, n_expected[model]) for model, n in tokens_in.items()] if price else [None]
    counted = Counter(case.variant for case in cases)
    return Forecast(
        backend=setup.backend,
        calls={name: counted[name] for name in setup.variants},
        input_tokens=tokens_in.total(),
        output_tokens=tokens_out.total() if bounded else None,
        cost=None if None in costs else sum(cost or 0.0 for cost in costs),
        at_least=frozenset(name for name, variant in setup.variants.items() if variant.predict is not None),
        assumed=assumed,
        cases=cases,
    )


def _is_without_thinking(variant: Variant) -> bool:
    """Whether the variant's config turns thinking off, or as low as the model allows."""
    wanted = variant.config.get("thinking_config") or {}
    level = str(wanted.get("thinking_level", "")).lower()
    return wanted.get("thinking_budget") == 0 or level == "minimal"


def _answer_tokens(setup: RunConfig, variant: Variant) -> int:
    """Of the longest label, with one to end it; in a JSON answer also of the fields before it."""
    label = -(-max(map(len, setup.plan.labels)) // CHARS_A_TOKEN) + 1
    return label + (_FIELD_TOKENS * (1 + len(variant.json_fields)) if variant.answer == "json" else 0)


def _chars(setup: RunConfig, variant: Variant, post: Post) -> int:
    """Characters of a request; of a callable's, which is not made yet, those of the post."""
    if variant.predict is not None:
        return len(post.text)
    request = setup.ready(variant).template.about(post.text)
    return len(request.contents) + len(request.system_instruction or "") + sum(map(len, request.enum or ()))


def _needed_bytes(setup: RunConfig) -> int:
    prompts = sum(
        len(v.contents) + len(v.system_instruction or "") + len("".join(setup.plan.labels))
        for v in setup.variants.values()
    )
    new = setup.part.n_cases(setup.variants) * _LINE_BYTES + 2 * prompts * len(setup.part.posts)
    there = sum(path.stat().st_size for path in setup.cassettes.glob("*.jsonl"))
    return new + (there + new) + _SPARE_BYTES  # at the end each file is rewritten beside the old one
