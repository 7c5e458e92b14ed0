"""OpenAPI: not there yet but as the index of what there would be."""

import hashlib

import orjson

from sampan.kube.api.catalog import Catalog


class Documents:
    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def v2(self, accept: str) -> tuple[bytes, str, str] | None:
        return None

    def v3_index(self) -> bytes:
        return b'{"paths":{}}'

    def v3(self, path: str, accept: str) -> tuple[bytes, str, str] | None:
        return None


__all__ = ["hashlib", "orjson"]
