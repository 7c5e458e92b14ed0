"""The specification's error codes, and how they reach a client.

OCI Distribution Specification 1.1, "Error Codes": `{"errors": [{"code", "message", "detail"}]}`.
"""

import errno
from collections.abc import Mapping
from typing import Any, ClassVar

from sampan.errors import SampanError


class RegistryError(SampanError):
    """A failure with one of the specification's codes."""

    code: ClassVar[str] = "UNKNOWN"
    status: ClassVar[int] = 500

    def __init__(self, message: str, detail: Any = None, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.detail = detail
        self.headers = dict(headers or {})

    def document(self) -> dict[str, Any]:
        error = {"code": self.code, "message": self.message}
        if self.detail is not None:
            error["detail"] = self.detail
        return {"errors": [error]}


class BlobUnknown(RegistryError):
    code, status = "BLOB_UNKNOWN", 404


class UploadInvalid(RegistryError):
    code, status = "BLOB_UPLOAD_INVALID", 400


class RangeInvalid(RegistryError):
    """A chunk that does not follow what is there already (end-5, 416)."""

    code, status = "BLOB_UPLOAD_INVALID", 416


class RangeUnsatisfiable(RegistryError):
    """A Range of a blob that lies beyond its end. RFC 9110, 15.5.17"""

    code, status = "SIZE_INVALID", 416


class UploadBusy(RegistryError):
    code, status = "BLOB_UPLOAD_INVALID", 409


class UploadUnknown(RegistryError):
    code, status = "BLOB_UPLOAD_UNKNOWN", 404


class DigestInvalid(RegistryError):
    code, status = "DIGEST_INVALID", 400


class ManifestBlobUnknown(RegistryError):
    code, status = "MANIFEST_BLOB_UNKNOWN", 404


class ManifestInvalid(RegistryError):
    code, status = "MANIFEST_INVALID", 400


class ManifestTooLarge(RegistryError):
    code, status = "MANIFEST_INVALID", 413


class ManifestUnknown(RegistryError):
    code, status = "MANIFEST_UNKNOWN", 404


class NameInvalid(RegistryError):
    code, status = "NAME_INVALID", 400


class NameUnknown(RegistryError):
    code, status = "NAME_UNKNOWN", 404


class SizeInvalid(RegistryError):
    code, status = "SIZE_INVALID", 400


class PageInvalid(RegistryError):
    """`n` or `last` of a listing makes no sense; the code is docker-registry's."""

    code, status = "PAGINATION_NUMBER_INVALID", 400


class Unauthorized(RegistryError):
    code, status = "UNAUTHORIZED", 401


class Denied(RegistryError):
    code, status = "DENIED", 403


class Unsupported(RegistryError):
    code, status = "UNSUPPORTED", 405


class InUse(RegistryError):
    """A delete of what something else still names (end-9 and end-10 allow 405)."""

    code, status = "UNSUPPORTED", 405


class NotFound(RegistryError):
    """A path that is not an endpoint."""

    code, status = "UNSUPPORTED", 404


class TooSlow(RegistryError):
    code, status = "BLOB_UPLOAD_INVALID", 408


class DiskFull(RegistryError):
    code, status = "UNKNOWN", 507


class Unavailable(RegistryError):
    code, status = "UNAVAILABLE", 503


class TooManyRequests(RegistryError):
    code, status = "TOOMANYREQUESTS", 429


# This machine has too little of something for a moment: no mistake of anybody's.
EXHAUSTED = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS))


def exhausted() -> Unavailable:
    return Unavailable("the registry is overloaded; try again", headers={"Retry-After": "1"})
