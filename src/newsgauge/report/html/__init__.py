"""One self-contained page of a run, of a comparison or of a training: checked values in, HTML out. Computes nothing.

The modules say what is shown, as plain values; the templates say how.
"""

from .comparison import render_comparison
from .page import render_run, render_training

__all__ = ["render_comparison", "render_run", "render_training"]
