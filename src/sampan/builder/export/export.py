"""Where a build's results go, by `--output`. Nothing is made true before everything is ready."""

import base64
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import orjson

from sampan.builder.execute.executor import Execution
from sampan.builder.export import archives, directories, document, registry
from sampan.builder.export.archives import Result
from sampan.builder.export.attributes import Attributes, parse
from sampan.builder.export.layers import LayerBlobs
from sampan.builder.export.results import Commit, Exported, Solved
from sampan.builder.export.squash import squash
from sampan.builder.export.vertex import ExportVertex, exporting
from sampan.builder.options import BuildOptions, Output
from sampan.builder.plan.resolve import multi_platform
from sampan.builder.progress import Progress
from sampan.builder.requester import Requester
from sampan.builder.solve.cache.locations import HasBlobs
from sampan.engine.images import Images
from sampan.engine.images.ingest import add_local_layer
from sampan.engine.images.pipes import pieces
from sampan.engine.images.save import layer_tar
from sampan.engine.images.store import Layer, NewImage, Staging
from sampan.errors import Failed, Unsupported
from sampan.images.pack import diff_tar

DIGEST, CONFIG_DIGEST = "containerimage.digest", "containerimage.config.digest"
DESCRIPTOR, NAME = "containerimage.descriptor", "image.name"
STORE = "export"  # what BuildKit's clients call it
_FORMATS = {"oci": "exporting to oci image format", "docker": "exporting to docker image format"}


class Exporter:
    """One per engine."""

    def __init__(self, images: Images) -> None:
        self._images = images

    async def export(
        self,
        solved: Sequence[Solved],
        options: BuildOptions,
        requester: Requester,
        progress: Progress,
        staging: Staging,
        commit: Commit,
        execution: Execution,
    ) -> Exported:
        """All outputs. `staging` holds the layers. Raises what went wrong; nothing is left then."""
        work = _Export(self._images, solved, options, requester, progress, staging, commit, execution)
        return await work.run()


class _Export:
    """All outputs of one build."""

    def __init__(
        self,
        images: Images,
        solved: Sequence[Solved],
        options: BuildOptions,
        requester: Requester,
        progress: Progress,
        staging: Staging,
        commit: Commit,
        execution: Execution,
    ) -> None:
        self._images = images
        self._store = images.store
        self._solved = solved
        self._options = options
        self._requester = requester
        self._progress = progress
        self._staging = staging
        self._commit = commit
        self._execution = execution
        self._results: list[Result] | None = None
        self._exported = Exported()
        self._several = len(solved) > 1 or multi_platform(options)

    async def run(self) -> Exported:
        outputs = [
            (number, output, parse(output, self._options.tags))
            for number, output in enumerate(self._options.outputs)
        ]
        # What can fail on the requester's side first: an image is made once all else is there.
        for number, output, attributes in outputs:
            if output.type in ("local", "tar"):
                await self._files(number, output)
            elif output.type in _FORMATS:
                await self._archive(number, output, attributes)
        for _, output, attributes in outputs:
            if output.type in ("image", "registry"):
                await self._image(attributes)
        return self._exported

    # Documents

    async def _documents(self) -> list[Result]:
        """Of every platform; made once."""
        if self._results is None:
            self._results = [await self._document(item) for item in self._solved]
        return self._results

    async def _document(self, item: Solved) -> Result:
        layers = item.snapshot.layers
        config = document.document(item.target, layers, item.inline_cache)
        own = sum(entry.step is not None for entry in item.target.history)
        if self._options.squash and own:
            base = layers[: len(layers) - own]
            layer = await self._squashed(base, layers[len(base) :])
            config = document.squashed(
                config,
                base,
                layer.diff_id,
                image=Result("", config, document.dump(config), layers).id,
                base=item.target.base.image_id if item.target.base else "",
                created=document.timestamp(item.target.epoch),
            )
            layers = (*base, layer.diff_id)
        return Result(item.target.platform, config, document.dump(config), layers)

    async def _squashed(self, base: Sequence[str], own: Sequence[str]) -> Layer:
        """The layer that does what `own` do together."""
        blobs = LayerBlobs(self._store, self._staging, self._images.paths.tmp)
        below = [blobs.layer(diff_id) for diff_id in base]
        paths = [self._store.blobs.path(blobs.layer(diff_id).blob) for diff_id in own]
        tars = [
            lambda layer=layer: layer_tar(self._store.blobs, self._store.layer_files, layer)
            for layer in below
        ]
        return await add_local_layer(self._store, self._staging, squash(tars, paths))

    # Outputs

    async def _image(self, attributes: Attributes) -> None:
        with exporting(self._progress, "exporting to image") as vertex:
            if any(item.snapshot.layers for item in self._solved):
                with vertex.doing("exporting layers"):
                    results = await self._documents()
            else:
                results = await self._documents()
            if len(results) > 1 and not attributes.push:
                raise Unsupported(
                    "docker exporter does not currently support exporting manifest lists",
                    hint="push it (--push), or write it to an archive (--output type=oci,dest=...)",
                )
            if len(results) == 1 and attributes.keep:
                await self._store_image(vertex, results[0], attributes)
            if attributes.push:
                await self._push(vertex, results, attributes)

    async def _store_image(self, vertex: ExportVertex, result: Result, attributes: Attributes) -> None:
        vertex.done(f"writing image {result.id}")
        [image] = await self._commit([NewImage(result.config, attributes.names)])
        for name, text in zip(attributes.names, attributes.shown_names, strict=False):
            vertex.done(f"naming to {text}")
            self._images.log("tag", image.id, name.familiar)
        found = {DIGEST: image.id, CONFIG_DIGEST: image.id}
        if attributes.shown_names:
            found[NAME] = ",".join(attributes.shown_names)
        self._add(image.id, found)

    async def _push(self, vertex: ExportVertex, results: Sequence[Result], attributes: Attributes) -> None:
        if not attributes.names:
            raise Failed("tag is needed when pushing to registry")
        with ExitStack() as stack:
            blobs = LayerBlobs(self._store, self._staging, self._temporary(stack))
            for name in attributes.names:
                pushed = await registry.push(
                    self._images, self._requester, self._staging, results, attributes, name, vertex, blobs
                )
                found = {
                    DIGEST: pushed["digest"],
                    NAME: ",".join(attributes.shown_names),
                    DESCRIPTOR: base64.b64encode(orjson.dumps(pushed)).decode(),
                }
                if len(results) == 1:
                    found[CONFIG_DIGEST] = results[0].id
                self._add(results[0].id if len(results) == 1 else pushed["digest"], found)

    async def _archive(self, number: int, output: Output, attributes: Attributes) -> None:
        if output.type == "docker" and len(self._solved) > 1:
            raise Unsupported(
                "docker exporter does not currently support exporting manifest lists",
                hint="an archive of type=oci can hold them",
            )
        with ExitStack() as stack, exporting(self._progress, _FORMATS[output.type]) as vertex:
            directory = self._temporary(stack)
            results = await self._documents()
            blobs = LayerBlobs(self._store, self._staging, directory)
            with vertex.doing("exporting layers"):
                found = await blobs.run(
                    lambda: archives.layout(
                        results,
                        attributes,
                        blobs,
                        docker=output.type == "docker",
                        several=self._several and output.type != "docker",
                    )
                )
            for made in found.manifests:
                vertex.done(f"exporting manifest {made.digest}")
            for result in results:
                vertex.done(f"exporting config {result.id}")
            if found.is_index:
                vertex.done(f"exporting manifest list {found.top.digest}")
            if attributes.tar:
                with vertex.doing("sending tarball"):
                    chunks = pieces(archives.archive(found, blobs))
                    await self._requester.send_file(number, chunks, output.attrs)
            elif isinstance(self._requester, HasBlobs):
                with vertex.doing("copying files"):
                    await self._offer(self._requester, found, blobs)
            else:
                tree = directory / "layout"
                tree.mkdir()
                await blobs.run(lambda: archives.write_directory(found, blobs, tree))
                with vertex.doing("copying files"):
                    await self._requester.send_directory(number, tree, output.attrs)
            self._add(results[0].id, _described(found, results, attributes))

    async def _offer(self, requester: HasBlobs, found: archives.Layout, blobs: LayerBlobs) -> None:
        """Into the store that a session has for it; the client writes the layout's index."""
        for path, size, chunks in found.files(blobs):
            parent, _, name = path.rpartition("/")
            if parent == "blobs/sha256":
                await requester.put_blob(STORE, f"sha256:{name}", size, pieces(chunks))

    async def _files(self, number: int, output: Output) -> None:
        kind = "directory" if output.type == "local" else "tarball"
        name = f"exporting to client {kind}"
        split = directories.split(output.attrs, self._several)
        with ExitStack() as stack, exporting(self._progress, name) as vertex:
            if output.type == "tar" and not split:
                chunks = self._execution.export_tar(self._solved[0].snapshot)
                with vertex.doing("sending tarball"):
                    await self._requester.send_file(number, chunks, output.attrs)
                return
            directory = self._temporary(stack)
            await directories.write(self._execution, self._solved, directory, split=split)
            if output.type == "tar":
                chunks = pieces(diff_tar(str(directory), self._solved[0].target.epoch))
                with vertex.doing("sending tarball"):
                    await self._requester.send_file(number, chunks, output.attrs)
                return
            with vertex.doing("copying files"):
                await self._requester.send_directory(number, directory, output.attrs)

    def _temporary(self, stack: ExitStack) -> Path:
        """A directory that is gone in the end."""
        self._images.paths.tmp.mkdir(parents=True, exist_ok=True)
        path = Path(tempfile.mkdtemp(prefix="export-", dir=self._images.paths.tmp))
        stack.callback(shutil.rmtree, path, ignore_errors=True)
        os.chmod(path, 0o755)
        return path

    def _add(self, image_id: str, exporter: Mapping[str, str]) -> None:
        """What the last output of an image says counts."""
        self._exported = replace(
            self._exported, image_id=image_id, exporter={**self._exported.exporter, **exporter}
        )


def _described(found: archives.Layout, results: Sequence[Result], attributes: Attributes) -> dict[str, str]:
    descriptor = found.top.descriptor()
    more = {
        DIGEST: found.top.digest,
        DESCRIPTOR: base64.b64encode(orjson.dumps(descriptor)).decode(),
    }
    if len(results) == 1:
        more[CONFIG_DIGEST] = results[0].id
    if attributes.shown_names:
        more[NAME] = ",".join(attributes.shown_names)
    return more
