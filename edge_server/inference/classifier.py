"""One loaded model: images -> classifications. Knows nothing of HTTP or files on disk."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import TypeVar

import numpy as np

from edge_server import processors
from edge_server.deadline import Deadline
from edge_server.inference import batching, decoding, foreign, tensors
from edge_server.inference.answers import finite_scores, to_answers, tried_output
from edge_server.inference.bundle import Bundle
from edge_server.inference.classification import (
    DEFAULT_TOP_K,
    Classification,
    Timing,
    to_scores,
)
from edge_server.inference.decoding import Pixels
from edge_server.inference.delegate import Delegate
from edge_server.inference.interpreters import Interpreters
from edge_server.inference.observer import SILENT, Observer, request
from edge_server.inference.partitions import Partitions
from edge_server.inference.places import Places
from edge_server.inference.pool import Occupancy
from edge_server.inference.preparation import Preparation
from edge_server.inference.preprocessing import FloatTensor, Tensor
from edge_server.inference.probe import black, pictures
from edge_server.inference.region import Region
from edge_server.inference.runtime import dequantize

T = TypeVar("T")


class Classifier:
    """A model in one or more interpreters, for any number of threads."""

    def __init__(
        self,
        bundle: Bundle,
        *,
        interpreters: int = 1,
        threads: int = 1,
        max_waiting: int = 32,
        max_pixels: int = decoding.DEFAULT_MAX_PIXELS,
        delegate: Delegate | None = None,
    ) -> None:
        """Load the model, into the delegate if there is one.

        Raises ModelFileError where it is no image classifier or the runtime refuses it,
        SettingError where labels or preprocessing are missing or do not fit, DelegateFailed.
        """
        self._interpreters = Interpreters(
            bundle, count=interpreters, threads=threads, delegate=delegate
        )
        first = self._interpreters.models[0]
        self.bundle = bundle
        # Who counts what this model does from now on.
        self.observer: Observer = SILENT
        # For decoding too. An accelerator is kept busy while others decode.
        places = interpreters if delegate is None else max(interpreters, processors.count())
        self._places = Places(places, max_waiting=max_waiting)
        self.interpreters, self.threads = interpreters, threads
        self.delegate = delegate.library if delegate is not None else None
        self._input, self._output = first.input, first.output
        self.signature, self.output_tensor = first.signature, self._output.name
        height, width, channels = foreign.image_shape(bundle.name, self._input)
        self.spec = bundle.preprocessing(width, height, channels)
        if bundle.manifest is None and bundle.preset is None:
            self.spec = foreign.agreed(bundle.name, self.spec, self._input)
        self.tensors = tensors.of(self._input, self.spec, bundle)
        self._preparation = Preparation(self.spec, self._input, max_pixels=max_pixels)
        # What the model puts out for a picture: a number for each class, or one for two classes.
        self.numbers = foreign.count_numbers(bundle.name, self._output)
        self.labels = foreign.fitting_labels(bundle.name, bundle.label_file, self.numbers)
        self.classes = len(self.labels)
        # Some graphs have no answer to black, and others no answer at all.
        shown = [black(self._input, self.spec), pictures(self._input, 1, self.spec)]
        self._interpreters.try_each(shown)
        if bundle.manifest is None:
            output = tried_output(bundle, first, self._preparation)
            self.bundle = dataclasses.replace(bundle, output=output)
        # How many pictures of one request an interpreter takes at once.
        self.batch = 1
        # Delegates are made for the shape in the file.
        resizable = bundle.manifest is not None and bundle.manifest.resizable_batch
        if resizable and delegate is None:
            self.batch = batching.size_that_pays(bundle.file.data, threads=threads, spec=self.spec)

    @property
    def partitions(self) -> Partitions | None:
        """How much of the graph runs in a delegate, as XNNPACK; None where that is not known."""
        return self._interpreters.models[0].partitions()

    @property
    def threads_alone(self) -> int:
        """Threads of the interpreter for requests that are alone; 0 where there is none."""
        return self._interpreters.threads_alone

    def widen(self, threads: int) -> None:
        """Have one more interpreter, of so many threads, for requests that are alone.

        Raises ModelFileError where that does not load or run.
        """
        self._interpreters.widen(threads)

    def narrow(self) -> None:
        """Do without the interpreter of widen()."""
        self._interpreters.narrow()

    @property
    def occupancy(self) -> Occupancy:
        """What the interpreters do now, and who waits for a place."""
        found = self._places.occupancy
        busy = min(found.busy, self.interpreters)
        return replace(found, busy=busy, free=self.interpreters - busy)

    def classify(
        self, image: bytes, *, top_k: int = DEFAULT_TOP_K, deadline: Deadline | None = None
    ) -> Classification:
        """Classify one encoded image.

        Raises ImageError, Overloaded, DeadlineExceeded, ClientGone, ModelFailed.
        Without a `deadline` there are 30 seconds.
        """
        until = deadline or Deadline()
        with request(self.observer, until.turn.waited):
            return self._classify([image], top_k, until)[0]

    def classify_batch(
        self,
        images: Sequence[bytes],
        *,
        top_k: int = DEFAULT_TOP_K,
        deadline: Deadline | None = None,
    ) -> list[Classification]:
        """Classify the images of one request, side by side in the interpreters that are free.

        The answers are those of classify(), in the order of the images. All or nothing: raises
        what classify() raises, an ImageError with the `position` of its image. The deadline is for
        all of them together.
        """

        until = deadline or Deadline()

        def work(part: range) -> list[Classification]:
            return self._classify(images[part.start : part.stop], top_k, until, part.start)

        with request(self.observer, until.turn.waited):
            return self._side_by_side(len(images), work)

    def infer(self, tensor: Tensor, *, deadline: Deadline | None = None) -> FloatTensor:
        """What the model itself puts out for pictures that are tensors already.

        Takes (n, height, width, channels) as `tensors` accepts it; gives float32 (n, numbers),
        dequantized, of logits the logits. Raises TensorError, Overloaded, DeadlineExceeded,
        ClientGone.
        """
        start = time.perf_counter()
        until = deadline or Deadline()
        with request(self.observer, until.turn.waited):
            accepted = self.tensors.accept(tensor)
            accepting = Timing(preprocess=(time.perf_counter() - start) * 1e3 / len(accepted))

            def work(part: range) -> list[FloatTensor]:
                own = [accepting] * len(part)
                with self._places.take(until, again=part.start > 0) as waited:
                    return list(self._infer(accepted[part.start : part.stop], own, waited, until))

            rows: list[FloatTensor] = self._side_by_side(len(accepted), work)
            return np.stack(rows)

    def infer_images(
        self, images: Sequence[bytes], *, deadline: Deadline | None = None
    ) -> FloatTensor:
        """infer() for encoded images, which go through the model's own preprocessing."""

        until = deadline or Deadline()

        def work(part: range) -> list[FloatTensor]:
            with self._places.take(until, again=part.start > 0) as waited:
                tensor, own = self._preparation.of_images(
                    images[part.start : part.stop], until, part.start
                )
                return list(self._infer(tensor, own, waited, until))

        with request(self.observer, until.turn.waited):
            rows: list[FloatTensor] = self._side_by_side(len(images), work)
            return np.stack(rows)

    def classify_pixels(
        self, pixels: Pixels, *, top_k: int = DEFAULT_TOP_K, deadline: Deadline | None = None
    ) -> Classification:
        """The same as classify() for decoded pixels: uint8 (h, w, 3) RGB."""
        return self.look(pixels, top_k=top_k, deadline=deadline)

    def look(
        self,
        picture: bytes | Pixels,
        *,
        region: Region | None = None,
        top_k: int = DEFAULT_TOP_K,
        deadline: Deadline | None = None,
        patient: bool = False,
    ) -> Classification:
        """The same for a picture of a camera, encoded or decoded, or for a `region` of it.

        With `patient` all requests go first: `deadline` is for that wait alone, and if it comes,
        no request has failed.
        """
        until = deadline or Deadline()
        with ExitStack() as stack:
            if not patient:
                stack.enter_context(request(self.observer))
            waited = stack.enter_context(self._places.take(until, patient=patient))
            if patient:
                until = Deadline()
                stack.enter_context(request(self.observer))
            tensor, own = self._preparation.of_picture(picture, region)
            return self._answer(tensor, [own], waited, top_k, until)[0]

    def scores(self, pixels: Pixels, *, deadline: Deadline | None = None) -> FloatTensor:
        """The score of each class for uint8 (h, w, 3) RGB: float32 (classes,), 0..1."""
        until = deadline or Deadline()
        with self._places.take(until):
            values, _ = self._run(self._preparation.of_pixels(pixels)[0], until)
        scores: FloatTensor = self._scores(values)[0]
        return scores

    def _side_by_side(self, count: int, work: Callable[[range], list[T]]) -> list[T]:
        """The answers to a request's pictures, in order; `work` gives those of a part of them."""
        # No more than are free: while others wait, a request has one place in the queue.
        workers = min(count, max(1, self._places.free))
        return batching.side_by_side(batching.chunks(count, workers, self.batch), workers, work)

    def _classify(
        self, images: Sequence[bytes], top_k: int, deadline: Deadline, first: int = 0
    ) -> list[Classification]:
        """Images that go through one interpreter together; `first` is the place of their first."""
        with self._places.take(deadline, again=first > 0) as waited:
            tensor, own = self._preparation.of_images(images, deadline, first)
            return self._answer(tensor, own, waited, top_k, deadline)

    def _answer(
        self,
        tensor: Tensor,
        own: Sequence[Timing],
        waited: float,
        top_k: int,
        deadline: Deadline,
    ) -> list[Classification]:
        """The classes of a tensor's pictures; `own` is what each has taken until now, beside the
        wait for a place, `waited`, which they share."""
        values, timings = self._timed(tensor, own, waited, deadline)
        start = time.perf_counter()
        return self._tell(self._scores(values), top_k, timings, start)

    def _infer(
        self, tensor: Tensor, own: Sequence[Timing], waited: float, deadline: Deadline
    ) -> FloatTensor:
        """The values (n, classes) of a tensor's pictures; the rest as for _answer()."""
        values, timings = self._timed(tensor, own, waited, deadline)
        start = time.perf_counter()
        self._tell(to_scores(values, self.bundle.output), 1, timings, start)
        return values

    def _timed(
        self, tensor: Tensor, own: Sequence[Timing], waited: float, deadline: Deadline
    ) -> tuple[FloatTensor, list[Timing]]:
        """As _run(), and what each picture has taken until then."""
        values, shared = self._run(tensor, deadline)
        shared += Timing(queue=waited / len(own))
        return values, [timing + shared for timing in own]

    def _tell(
        self, scores: FloatTensor, top_k: int, timings: Sequence[Timing], start: float
    ) -> list[Classification]:
        """The answers of one run, which the observer is told of; see to_answers()."""
        answers = to_answers(self.labels, scores, top_k, timings, start)
        self.observer.executed(answers)
        return answers

    def _run(self, tensor: Tensor, deadline: Deadline) -> tuple[FloatTensor, Timing]:
        """The output (n, classes) for a tensor (n, h, w, c), and each picture's share of time."""
        alone = self._places.holder_is_alone and deadline.turn.is_alone()
        raw, timing = self._interpreters.run(tensor, deadline, alone=alone)
        values: FloatTensor = dequantize(raw, self._output).reshape(len(tensor), -1)
        return values, timing

    def _scores(self, values: FloatTensor) -> FloatTensor:
        return finite_scores(values, self.bundle.output, self.bundle.name)
