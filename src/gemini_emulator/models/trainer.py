"""Trains queued jobs in order in one background thread, and stores document and arrays in the state.

A server that was stopped or killed during a job trains it again at its next start, with the same
result.
"""

from __future__ import annotations

import json
import logging
import queue
import threading
from typing import Any

from ..errors import EmulatorError, StorageError
from ..state import State
from ..wire.json_fields import now
from . import arrays
from .training_job import (
    ARRAYS,
    CANCELLED,
    EXAMPLES,
    FAILED,
    FINISHED,
    KIND,
    QUEUED,
    RUNNING,
    SNAPSHOTS,
    SUCCEEDED,
    VALIDATION,
    unpack_examples,
)
from .tuned_model import Snapshot, TrainingError, train

_log = logging.getLogger(__name__)
_STOP_WAIT_S = 0.5


class _StoppedError(Exception):
    """The job was cancelled or deleted, or the server stops."""


class Trainer:
    """The queue and its thread; the thread starts with the first job."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._queue: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._running: dict[str, Any] | None = None
        self._gone: set[str] = set()
        #: Jobs whose failure the disk did not take: told until the next start, which trains them again.
        self._unstored: dict[str, dict[str, Any]] = {}
        for document in state.list(KIND):
            if document["state"] == SUCCEEDED and state.blob(KIND, document["name"], ARRAYS) is None:
                document |= {"state": QUEUED}  # an earlier version trained it, to arrays that this one cannot read
                state.update(KIND, document["name"], document)
            if document["state"] not in FINISHED:
                self.submit(document["name"])

    def submit(self, name: str) -> None:
        """Train the stored job of this name when its turn comes."""
        self._queue.put(name)
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="gemini-emulator-trainer", daemon=True)
                self._thread.start()

    def progress(self, document: dict[str, Any]) -> dict[str, Any]:
        """The document with its snapshots: all of them, or those so far if it is being trained."""
        with self._lock:
            running = self._running
            if running is not None and _same(running, document) and document["state"] not in FINISHED:
                return running | {"snapshots": list(running["snapshots"])}
            failed = self._unstored.get(document["name"])
        if failed is not None and _same(failed, document):
            return failed
        snapshots = self._state.blob(KIND, document["name"], SNAPSHOTS)
        return document if snapshots is None else document | {"snapshots": json.loads(snapshots)}

    def cancel(self, name: str, *, delete: bool = False) -> bool:
        """End the job, or forget it altogether. False if there is none; a finished job stays as it is."""
        with self._lock:
            document = self._state.get(KIND, name)
            if document is None:
                return False
            if document["state"] not in FINISHED:
                if self._running is not None and self._running["name"] == name:
                    self._gone.add(name)
                time_ = now()
                document |= {"state": CANCELLED, "updateTime": time_, "endTime": time_}
                self._state.update(KIND, name, document)
            return self._state.delete(KIND, name) if delete else True

    def stop(self) -> None:
        """Leave the current job where it is; it is trained again at the next start."""
        self._stopping.set()
        self._queue.put("")
        if self._thread is not None:
            self._thread.join(_STOP_WAIT_S)

    def _work(self) -> None:
        while not self._stopping.is_set():
            name = self._queue.get()
            if name and not self._stopping.is_set():
                try:
                    self._train(name)
                except _StoppedError:
                    pass
                except Exception as error:
                    if self._stopping.is_set():  # the state is closed; the next start trains it again
                        return
                    # The thread must outlive any one job, whatever went wrong in it.
                    is_ours = isinstance(error, EmulatorError)
                    _log.error("training %s: %s", name, error, exc_info=not is_ours)
                    self._fail(name, 500, str(error) if is_ours else f"internal error: {type(error).__name__}")
                with self._lock:
                    self._running = None
                    self._gone.discard(name)

    def _train(self, name: str) -> None:
        with self._lock:
            document = self._state.get(KIND, name)
            if document is None or document["state"] not in (QUEUED, RUNNING):
                return
            document |= {"state": RUNNING, "startTime": now(), "updateTime": now(), "snapshots": []}
            self._state.update(KIND, name, document)
            self._running = document
        examples, validation = (
            unpack_examples(self._state.blob(KIND, name, kind) or b"[]") for kind in (EXAMPLES, VALIDATION)
        )

        def on_step(snapshot: Snapshot) -> None:
            if self._stopping.is_set() or name in self._gone:
                raise _StoppedError
            document["snapshots"].append(
                {
                    "step": snapshot.step,
                    "epoch": snapshot.epoch,
                    "meanLoss": round(snapshot.mean_loss, 6),
                    "computeTime": now(),
                }
            )

        def on_epoch(validation_loss: float) -> None:
            document["snapshots"][-1]["validationLoss"] = round(validation_loss, 6)

        try:
            model = train(examples, **document["settings"], on_step=on_step, validation=validation, on_epoch=on_epoch)
        except TrainingError as error:
            self._fail(name, 400, str(error))
            return
        data = arrays.to_bytes(model)
        with self._lock:
            if name not in self._gone:
                done = {"state": SUCCEEDED, "endTime": now(), "updateTime": now()}
                blobs = {ARRAYS: data, SNAPSHOTS: json.dumps(document["snapshots"]).encode("ascii")}
                self._state.update(KIND, name, document | done | {"snapshots": []}, blobs=blobs)

    def _fail(self, name: str, code: int, message: str) -> None:
        with self._lock:
            document = self._state.get(KIND, name)
            if document is not None and document["state"] in (QUEUED, RUNNING):
                status = {"code": 3 if code == 400 else 13, "message": message}
                time_ = now()
                document |= {"state": FAILED, "error": status, "endTime": time_, "updateTime": time_}
                try:
                    self._state.update(KIND, name, document)
                except StorageError:
                    self._unstored[name] = document


def _same(job: dict[str, Any], other: dict[str, Any]) -> bool:
    # A deleted job's name may be given again while the old one is still being stopped.
    return bool(job["name"] == other["name"] and job["createTime"] == other["createTime"])
