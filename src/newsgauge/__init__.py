"""newsgauge evaluates text classification with Gemini as ordinary pytest runs: replayed, scored, gated.

Only the names listed here are public; everything else may change without notice. They are imported when first used, so
an installed newsgauge costs other projects' pytest runs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from .corpora import preprocessing
    from .errors import NewsgaugeError
    from .gates.gate import Gate
    from .planning.sampling import Plan
    from .pytest_plugin.scores_and_tokens import Scores, Tokens
    from .records import Case, Outcome, Post, Prediction, Result
    from .results.attachments import Attachments, CountedPost, LearningPoint
    from .results.run_folder import RunFolder, load_run
    from .running.other_services import ask_anthropic, ask_openai
    from .running.run import Run
    from .running.run_config import RunConfig
    from .scoring import stats
    from .scoring.scores import Verdict
    from .variants.variants_file import Variant

__all__ = [
    "Attachments",
    "Case",
    "CountedPost",
    "Gate",
    "LearningPoint",
    "NewsgaugeError",
    "Outcome",
    "Plan",
    "Post",
    "Prediction",
    "Result",
    "Run",
    "RunConfig",
    "RunFolder",
    "Scores",
    "Tokens",
    "Variant",
    "Verdict",
    "__version__",
    "ask_anthropic",
    "ask_openai",
    "load_run",
    "preprocessing",
    "stats",
]

_MODULES = {"preprocessing": "corpora.preprocessing", "stats": "scoring.stats"}
_HOMES = {
    "errors": ("NewsgaugeError",),
    "gates.gate": ("Gate",),
    "planning.sampling": ("Plan",),
    "pytest_plugin.scores_and_tokens": ("Scores", "Tokens"),
    "records": ("Case", "Outcome", "Post", "Prediction", "Result"),
    "results.attachments": ("Attachments", "CountedPost", "LearningPoint"),
    "results.run_folder": ("RunFolder", "load_run"),
    "running.run": ("Run",),
    "running.other_services": ("ask_anthropic", "ask_openai"),
    "running.run_config": ("RunConfig",),
    "scoring.scores": ("Verdict",),
    "variants.variants_file": ("Variant",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for (PEP 562)."""
    if name in _MODULES:
        return import_module(f".{_MODULES[name]}", __name__)
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no public name {name!r}; there are: {', '.join(__all__)}")
    return getattr(import_module(f".{_HOME_OF[name]}", __name__), name)


def __dir__() -> list[str]:
    return __all__
