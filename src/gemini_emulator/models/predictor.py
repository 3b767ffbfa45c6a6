"""Loaded tuned models, and predictions in batches: requests that wait together are answered together."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from . import arrays
from .tuned_model import TunedModel

_LOADED_MODELS = 4
_BATCH = 64

Row = tuple[tuple[str, ...], list[float]]


class Predictor:
    """Asks tuned models. ``load`` gives a model's stored bytes by its key, None if it is gone.

    A key is never used again for another model, so that nothing loaded can be out of date.
    """

    def __init__(self, load: Callable[[str], bytes | None]) -> None:
        self._load = load
        self._models: OrderedDict[str, TunedModel] = OrderedDict()
        self._waiting: list[tuple[str, str, asyncio.Future[Row | None]]] = []
        self._draining: asyncio.Task[None] | None = None
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="gemini-emulator-predictor")

    async def predict(self, key: str, text: str) -> Row | None:
        """The model's outputs and the probability of each; None if there is no such model any more."""
        future: asyncio.Future[Row | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((key, text, future))
        if self._draining is None or self._draining.done():
            self._draining = asyncio.create_task(self._drain())
        return await future

    def stop(self) -> None:
        """Take no more requests."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            # All that wait for the model of the first; the others keep their order.
            key = self._waiting[0][0]
            batch = [item for item in self._waiting if item[0] == key][:_BATCH]
            taken = {id(item[2]) for item in batch}
            self._waiting = [item for item in self._waiting if id(item[2]) not in taken]
            try:
                rows = await loop.run_in_executor(self._pool, self._ask, key, [item[1] for item in batch])
            except BaseException as error:
                for _, _, future in batch:
                    if not future.done():
                        future.set_exception(error if isinstance(error, Exception) else RuntimeError("stopped"))
                if not isinstance(error, Exception):
                    raise
                continue
            for (_, _, future), row in zip(batch, rows, strict=True):
                if not future.done():  # its client may have gone
                    future.set_result(row)

    def _ask(self, key: str, texts: list[str]) -> list[Row | None]:
        model = self._models.get(key)
        if model is None:
            data = self._load(key)
            if data is None:
                return [None] * len(texts)
            model = self._models[key] = arrays.from_bytes(data)
            while len(self._models) > _LOADED_MODELS:
                self._models.popitem(last=False)
        else:
            self._models.move_to_end(key)
        return [(model.outputs, row) for row in model.probabilities(texts)]
