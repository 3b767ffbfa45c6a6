"""Buckets and objects: the few Cloud Storage calls with which the files of jobs are uploaded, read and deleted.

The first upload to a bucket creates it, so that code which expects its bucket to exist runs
unchanged.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool

from ..call import Call, Reply
from ..routing import Route
from ..service import Service
from ..wire.api_errors import ServiceError, exists, invalid
from ..wire.json_fields import now
from ..wire.messages import BUCKET
from ..wire.paging import page
from .uploads import read_multipart

_BUCKET, _OBJECT, _DATA = "bucket", "object", "data"
_BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]")
_URI = re.compile(r"gs://([^/]+)/(.+)", re.DOTALL)
_RANGE = re.compile(r"bytes=(\d{1,12})-(\d{0,12})")


def read(service: Service, bucket: str, name: str) -> bytes | None:
    """An object's bytes, None if there is no such object."""
    return service.state.blob(_OBJECT, f"{bucket}/{name}", _DATA)


def split_uri(uri: str, *, field: str) -> tuple[str, str]:
    """Bucket and name of ``gs://BUCKET/OBJECT``. Raises 400 for another form."""
    match = _URI.fullmatch(uri)
    if match is None:
        raise invalid(f"expected gs://BUCKET/OBJECT, got {uri[:100]!r}", field=field)
    return match[1], match[2]


def check_name(bucket: str, name: str) -> None:
    """Raise 400 if no object may be called so."""
    _check_bucket(bucket)
    if not 1 <= len(name.encode("utf-8", "replace")) <= 1024 or "\r" in name or "\n" in name or name in (".", ".."):
        raise invalid(f"Invalid object name {name[:60]!r}", field="name")


async def write(
    service: Service, bucket: str, name: str, data: bytes, *, content_type: str, about: dict[str, Any]
) -> dict[str, Any]:
    """Store an object, and its bucket if that is new; what is known of it. Raises 400 for wrong names and sums."""
    check_name(bucket, name)
    sums = {"md5Hash": md5(data), "crc32c": await run_in_threadpool(crc32c, data)}
    for key, value in sums.items():
        if about.get(key, value) != value:
            raise invalid(f"Provided {key} {about[key]!r} does not match the calculated {value!r}", field=key)
    key, time = f"{bucket}/{name}", now()
    metadata = about.get("metadata")
    document = {
        "kind": "storage#object",
        "name": name,
        "bucket": bucket,
        "size": str(len(data)),
        "contentType": content_type,
        "generation": str(service.state.next_number()),
        "metageneration": "1",
        "timeCreated": time,
        "updated": time,
        **({"metadata": metadata} if isinstance(metadata, dict) else {}),
        **sums,
    }
    service.state.create(_BUCKET, bucket, _new_bucket(bucket))
    if not service.state.create(_OBJECT, key, document, blobs={_DATA: data}):
        service.state.update(_OBJECT, key, document, blobs={_DATA: data})
    return document


async def upload(service: Service, call: Call) -> Reply | dict[str, Any]:
    """``POST upload/storage/v1/b/BUCKET/o`` with uploadType media, multipart or resumable."""
    kind, content_type = call.query.get("uploadType", ""), call.headers.get("content-type", "")
    bucket = call.params["bucket"]
    if kind == "media":
        name = call.query.get("name", "")
        return _show(await write(service, bucket, name, call.body, content_type=content_type, about={}), call)
    if kind == "multipart":
        about, part_type, data = read_multipart(call.body, content_type)
        name = _name(about, call)
        return _show(await write(service, bucket, name, data, content_type=part_type, about=about), call)
    if kind == "resumable":
        about = call.message(_about) if call.body else {}
        fallback = call.headers.get("x-upload-content-type", "application/octet-stream")
        _check_bucket(bucket)
        session = service.uploads.open(_name(about, call), {"contentType": fallback, **about})
        query = f"uploadType=resumable&upload_id={session}"
        location = f"{call.base_url}/upload/storage/v1/b/{quote(bucket, safe='')}/o?{query}"
        return Reply(b"", headers={"location": location, "x-guploader-uploadid": session})
    raise invalid(f"uploadType: expected media, multipart or resumable, got {kind[:40]!r}", field="uploadType")


async def resume(service: Service, call: Call) -> Reply | dict[str, Any]:
    """``PUT upload/...?upload_id=ID``: the next bytes of a resumable upload."""
    session = call.query.get("upload_id", "")
    with service.uploads.adding(session, call.body, call.headers.get("content-range", "")) as received:
        if received.data is None:
            headers = {"range": f"bytes=0-{received.size - 1}"} if received.size else {}
            return Reply(b"", status=308, headers=headers)
        about, bucket = received.about, call.params["bucket"]
        content_type = str(about["contentType"])
        document = await write(service, bucket, received.name, received.data, content_type=content_type, about=about)
    return _show(document, call)


async def get_object(service: Service, call: Call) -> Reply | dict[str, Any]:
    """``GET storage/v1/b/BUCKET/o/OBJECT``: its resource, or with ``alt=media`` its bytes."""
    if call.query.get("alt") == "media":
        return await download(service, call)
    return _show(_find(service, call), call)


async def download(service: Service, call: Call) -> Reply:
    """``GET download/storage/v1/b/BUCKET/o/OBJECT``, whole or a range."""
    document = _find(service, call)
    data = read(service, document["bucket"], document["name"]) or b""
    headers = {
        "content-type": document["contentType"] or "application/octet-stream",
        "x-goog-hash": f"crc32c={document['crc32c']},md5={document['md5Hash']}",
        "x-goog-generation": document["generation"],
    }
    match = _RANGE.fullmatch(call.headers.get("range", ""))
    if match is None:
        return Reply(data, headers=headers)
    start, end = int(match[1]), min(int(match[2] or len(data)), len(data) - 1)
    if start > end:
        raise ServiceError(416, "OUT_OF_RANGE", f"the object has {len(data)} bytes")
    headers["content-range"] = f"bytes {start}-{end}/{len(data)}"
    return Reply(data[start : end + 1], status=206, headers=headers)


async def list_objects(service: Service, call: Call) -> dict[str, Any]:
    """``GET storage/v1/b/BUCKET/o?prefix=``."""
    bucket = call.params["bucket"]
    service.find(_BUCKET, bucket, shown=f"bucket {bucket}")
    documents = service.state.list(_OBJECT, prefix=f"{bucket}/{call.query.get('prefix', '')}")
    documents.sort(key=lambda document: str(document["name"]))
    items = [_show(document, call) for document in documents]
    return {"kind": "storage#objects", **page(items, call.query, key="items", default_size=1000)}


async def delete_object(service: Service, call: Call) -> Reply:
    """``DELETE storage/v1/b/BUCKET/o/OBJECT``."""
    document = _find(service, call)
    service.state.delete(_OBJECT, f"{document['bucket']}/{document['name']}")
    return Reply(b"", status=204)


async def create_bucket(service: Service, call: Call) -> dict[str, Any]:
    """``POST storage/v1/b``."""
    name = _check_bucket(call.message(BUCKET)["name"])
    document = _new_bucket(name)
    if not service.state.create(_BUCKET, name, document):
        raise exists(f"bucket {name}")
    return document


async def get_bucket(service: Service, call: Call) -> dict[str, Any]:
    """``GET storage/v1/b/BUCKET``."""
    bucket = call.params["bucket"]
    return service.find(_BUCKET, bucket, shown=f"bucket {bucket}")


async def list_buckets(service: Service, call: Call) -> dict[str, Any]:
    """``GET storage/v1/b``."""
    return {"kind": "storage#buckets", **page(service.state.list(_BUCKET), call.query, key="items")}


def _about(value: Any, where: str) -> Any:
    return value  # an object resource: the client sets what it likes, only a few fields are read


def _name(about: dict[str, Any], call: Call) -> str:
    name = about.get("name", call.query.get("name", ""))
    if not isinstance(name, str):
        raise invalid("Invalid value at 'name' (TYPE_STRING)", field="name")
    return name


def _check_bucket(name: str) -> str:
    if not _BUCKET_NAME.fullmatch(name) or ".." in name:
        raise invalid(f"Invalid bucket name: {name[:70]!r}", field="bucket")
    return name


def _new_bucket(name: str) -> dict[str, Any]:
    return {"kind": "storage#bucket", "id": name, "name": name, "timeCreated": now(), "location": "LOCAL"}


def _find(service: Service, call: Call) -> dict[str, Any]:
    name = f"{call.params['bucket']}/{call.params['object']}"
    return service.find(_OBJECT, name, shown=f"gs://{name[:200]}")


def _show(document: dict[str, Any], call: Call) -> dict[str, Any]:
    path = f"storage/v1/b/{document['bucket']}/o/{quote(document['name'], safe='')}"
    return document | {
        "id": f"{document['bucket']}/{document['name']}/{document['generation']}",
        "selfLink": f"{call.base_url}/{path}",
        "mediaLink": f"{call.base_url}/download/{path}?generation={document['generation']}&alt=media",
    }


ROUTES = (
    Route("POST", "storage/v1/b", create_bucket),
    Route("GET", "storage/v1/b", list_buckets),
    Route("GET", "storage/v1/b/{bucket}", get_bucket),
    Route("GET", "storage/v1/b/{bucket}/o", list_objects),
    Route("GET", "storage/v1/b/{bucket}/o/{object*}", get_object),
    Route("DELETE", "storage/v1/b/{bucket}/o/{object*}", delete_object),
    Route("GET", "download/storage/v1/b/{bucket}/o/{object*}", download),
    Route("POST", "upload/storage/v1/b/{bucket}/o", upload),
    Route("PUT", "upload/storage/v1/b/{bucket}/o", resume),
)


def md5(data: bytes) -> str:
    """MD5, in base64; an integrity check, not a secret."""
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode("ascii")


def crc32c(data: bytes) -> str:
    """CRC-32C (Castagnoli, RFC 3720 B.4), big-endian in base64."""
    value = 0xFFFFFFFF
    table = _TABLE
    for byte in data:
        value = table[(value ^ byte) & 0xFF] ^ (value >> 8)
    return base64.b64encode((value ^ 0xFFFFFFFF).to_bytes(4, "big")).decode("ascii")


def _make_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return tuple(table)


_TABLE = _make_table()
