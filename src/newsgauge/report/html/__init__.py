"""One self-contained page of a run or of a comparison: checked values in, HTML out. Computes nothing.

Charts are SVG and tables written here, without a charting library: docs/report.md says why.
"""

from .page import render_comparison, render_run

__all__ = ["render_comparison", "render_run"]
