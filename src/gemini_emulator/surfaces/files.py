"""The Files API, as far as batches need it: uploads in, kept as blobs; resources and their bytes out."""

from __future__ import annotations

from typing import Any

from ..call import Call, Reply
from ..routing import Route
from ..service import Service
from ..wire.api_errors import ServiceError, invalid
from ..wire.json_fields import now
from ..wire.messages import FILE
from ..wire.paging import page

_KIND, _DATA = "file", "data"


def create(service: Service, *, about: dict[str, Any], data: bytes, source: str) -> dict[str, Any]:
    """Keep a file. ``source`` is UPLOADED or GENERATED; only what was generated can be downloaded."""
    name = f"files/{service.state.next_number()}"
    document = {
        "name": name,
        "displayName": about.get("displayName", ""),
        "mimeType": about.get("mimeType", "application/jsonl"),
        "sizeBytes": str(len(data)),
        "createTime": now(),
        "updateTime": now(),
        "state": "ACTIVE",
        "source": source,
    }
    if not service.state.create(_KIND, name, document, blobs={_DATA: data}):
        raise ServiceError(503, "UNAVAILABLE", "The name was just taken; please try again.")
    return document


def read(service: Service, name: str) -> bytes | None:
    """The bytes of ``files/ID``, None if there is no such file."""
    return service.state.blob(_KIND, name, _DATA)


async def upload(service: Service, call: Call) -> Reply | dict[str, Any]:
    """``POST upload/V/files``: start a resumable upload, or with upload_id take the next bytes of one."""
    command = call.headers.get("x-goog-upload-command", "")
    session = call.query.get("upload_id", "")
    if not session:
        if call.headers.get("x-goog-upload-protocol") != "resumable" or command != "start":
            raise invalid("expected X-Goog-Upload-Protocol: resumable and X-Goog-Upload-Command: start")
        about = call.message(FILE).get("file", {}) if call.body else {}
        session = service.uploads.open("", about)
        # The URL is a permission by itself: who was let in for the start needs no key for the rest.
        key = call.headers.get("x-goog-api-key") or call.query.get("key", "")
        url = f"{call.base_url}/upload/{call.params['version']}/files?upload_id={session}&key={key}"
        return Reply({}, headers={"x-goog-upload-url": url, "x-goog-upload-status": "active"})
    start = call.headers.get("x-goog-upload-offset", "0")
    if not start.isdecimal() or len(start) > 12:
        raise invalid(f"X-Goog-Upload-Offset: expected a number, got {start[:40]!r}")
    end = int(start) + len(call.body)
    final = "finalize" in command
    byte_range = f"bytes {start}-{end - 1}/{end if final else '*'}" if call.body else ""
    with service.uploads.adding(session, call.body, byte_range) as received:
        if received.data is None:
            return Reply({}, headers={"x-goog-upload-status": "active"})
        document = create(service, about=received.about, data=received.data, source="UPLOADED")
    return Reply({"file": _show(document, call)}, headers={"x-goog-upload-status": "final"})


async def get(service: Service, call: Call) -> dict[str, Any]:
    """``GET files/ID``."""
    return _show(_find(service, call), call)


async def list_all(service: Service, call: Call) -> dict[str, Any]:
    """``GET files``."""
    return page([_show(document, call) for document in service.state.list(_KIND)], call.query, key="files")


async def download(service: Service, call: Call) -> Reply:
    """``GET files/ID:download?alt=media``."""
    document = _find(service, call)
    if document["source"] != "GENERATED":
        raise invalid(f"{document['name']} was uploaded; only generated files can be downloaded")
    return Reply(read(service, document["name"]) or b"", headers={"content-type": document["mimeType"]})


async def delete(service: Service, call: Call) -> dict[str, Any]:
    """``DELETE files/ID``."""
    service.state.delete(_KIND, _find(service, call)["name"])
    return {}


def _find(service: Service, call: Call) -> dict[str, Any]:
    return service.find(_KIND, f"files/{call.params['id']}")


def _show(document: dict[str, Any], call: Call) -> dict[str, Any]:
    uri = f"{call.base_url}/v1beta/{document['name']}"
    more = {"downloadUri": f"{uri}:download?alt=media"} if document["source"] == "GENERATED" else {}
    return {**document, "uri": uri, **more}


ROUTES = (
    Route("GET", "files", list_all),
    Route("GET", "files/{id}", get),
    Route("GET", "files/{id}:download", download),
    Route("DELETE", "files/{id}", delete),
)
UPLOAD_ROUTES = (Route("POST", "upload/{version}/files", upload),)
