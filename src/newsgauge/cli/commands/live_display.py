"""What redraws a few lines on a terminal; where there is none, whoever shows something prints it."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live


class LiveDisplay:
    """A context manager. ``is_live``: within it, on a terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            from rich.live import Live

            self._live = Live(console=self._console, auto_refresh=False)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    @property
    def is_live(self) -> bool:
        """Whether `draw` shows anything."""
        return self._live is not None

    def draw(self, text: str) -> None:
        """Put the text in the place of what was drawn before."""
        if self._live is not None:
            from rich.text import Text

            self._live.update(Text(text), refresh=True)
