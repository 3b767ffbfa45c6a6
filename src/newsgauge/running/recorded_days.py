"""When answers were recorded: a folder of cassettes and the posts of a plan in, the oldest day of each variant out."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

from ..cassettes.store import CassetteFile


def oldest_recordings(folder: Path, variants: Iterable[str], posts: Collection[str]) -> dict[str, str]:
    """``recorded`` of the oldest line about one of the posts, by variant; none where nothing is recorded.

    Raises `DamagedCassetteError`.
    """
    oldest, wanted = {}, set(map(_post, posts))
    for variant in variants:
        path = folder / f"{variant}.jsonl"
        lines = CassetteFile(path).lines() if path.exists() else ()
        times = [line.provenance.get("recorded", "") for line in lines if _post(line.key) in wanted]
        if times:
            oldest[variant] = min(times)
    return oldest


def _post(key: str) -> str:
    """The post of a key, without the number of its repeat or of its call."""
    return key.partition("~")[0]
