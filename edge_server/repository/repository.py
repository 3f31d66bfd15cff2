"""The models that are served, by name, version and version label. Knows nothing of HTTP."""

from __future__ import annotations

import logging
import os
import threading
from concurrent.futures import ThreadPoolExecutor

from edge_server.errors import ModelFileError, ModelNotFound, ModelNotReady, ModelRefused
from edge_server.inference.served import ServedModel
from edge_server.logs import fields
from edge_server.repository.directory import Source
from edge_server.repository.loading import Loader
from edge_server.repository.model import Model
from edge_server.repository.rules import Rules
from edge_server.repository.status import VersionStatus
from edge_server.repository.watcher import Watcher

_log = logging.getLogger(__name__)


class Repository:
    """Hands out models by name, version or version label.

    What it hands out stays whole: a request keeps its ServedModel while the repository goes on.
    """

    def __init__(self, source: Source, loader: Loader, rules: Rules | None = None) -> None:
        """Loads every model that can be loaded, as many at once as there are cores.

        Raises ModelFileError or ModelRefused with the reasons where there are models and none can
        be loaded, ModelFileError where the source can't be read.
        """
        self._source, self._loader, self._rules = source, loader, rules or Rules()
        self._models: dict[str, Model] = {}
        self._default = self._rules.default or ""
        self._adding = threading.Lock()
        self._missing: frozenset[str] = frozenset()
        self._said: dict[str, tuple[str, ...]] = {}
        self._watcher: Watcher | None = None
        if self._rules.poll_seconds is not None:
            self._watcher = Watcher(self.look, self._rules.poll_seconds)
        self._load_all()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all models, sorted, whether they can answer now or not."""
        return tuple(sorted(self._models))

    @property
    def default_name(self) -> str:
        """The model that answers where a request names none; empty where there is none yet."""
        return self._default

    def get(
        self, name: str | None = None, *, version: str | None = None, label: str | None = None
    ) -> ServedModel:
        """The model to answer with: the version that is served by default, or the one named.

        Raises ModelNotFound (404), ModelNotReady (503) where it is known but can't answer now,
        BadRequest (400) for a version and a label at once.
        """
        if name is None and not self._models:
            raise ModelNotReady(f"There is no model in {self._source.description} yet.")
        return self._model(self._default if name is None else name).get(version, label)

    def versions(self, name: str) -> tuple[VersionStatus, ...]:
        """All versions of a model, newest first, failed ones too. Raises ModelNotFound."""
        return self._model(name).versions()

    def load(self, name: str) -> None:
        """Make a model answer: look for it anew, and load what was unloaded or failed before.

        Returns when it answers. What is served already goes on meanwhile. Raises ModelNotFound,
        and ModelNotReady with the reason where no version of it can be loaded.
        """
        try:
            if name not in self._models and name in self._source.names().names:
                self._add(name)
            self._model(name).load(self._source)
        except OSError as error:
            raise ModelNotReady(
                f"{self._source.description} can't be read ({error.strerror})."
            ) from error
        self._choose_default()

    def unload(self, name: str) -> None:
        """Let go of a model, with all its versions, until load() is called.

        Requests that have begun are answered still; its memory is free after the last of them.
        Raises ModelNotFound.
        """
        self._model(name).unload()

    def start(self) -> None:
        """Begin to follow changes."""
        if self._watcher is not None:
            self._watcher.start()

    def stop(self) -> None:
        """Let it be; what is being loaded is given up."""
        self._loader.end()
        if self._watcher is not None:
            self._watcher.stop()

    def look(self) -> None:
        """Make what answers fit what is there now. Errors go to the log, each once."""
        try:
            found = self._source.names()
        except OSError as error:
            self._say("", (f"{self._source.description} can't be read ({error.strerror}); {_ON}.",))
            return
        troubles = found.troubles
        if self._models and not found.names:
            # A disk that is not mounted looks like this.
            troubles += (f"{self._source.description} holds no model any more; {_ON}.",)
        else:
            self._drop(frozenset(self._models) - found.names)
        self._say("", troubles)
        for name in sorted(found.names):
            self._follow(self._models.get(name) or self._add(name))
        self._choose_default()

    def _load_all(self) -> None:
        try:
            found = self._source.names()
        except OSError as error:
            raise ModelFileError(
                f"The directory of models {self._source.description} can't be read "
                f"({error.strerror}): make it, or name another with --models."
            ) from error
        self._say("", found.troubles)
        models = [self._add(name) for name in sorted(found.names)]
        if models:
            with ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="load") as threads:
                list(threads.map(lambda model: self._follow(model, at_start=True), models))
        self._insist_on_one()
        for name in sorted({*self._rules.pins, *self._rules.labels} - found.names):
            _log.warning(
                "the model of a --pin or --version-label is not there", extra=fields(model=name)
            )
        self._choose_default()

    def _follow(self, model: Model, *, at_start: bool = False) -> None:
        try:
            files = model.follow(self._source, at_once=at_start, trust=at_start)
        except OSError as error:
            self._say(model.name, (f"{model.name} can't be read ({error.strerror}); {_ON}.",))
        else:
            self._say(model.name, files.troubles)

    def _insist_on_one(self) -> None:
        statuses = [s for model in self._models.values() for s in model.versions() if s.reason]
        if any(model.available for model in self._models.values()) or not statuses:
            return
        codes = {code for model in self._models.values() for code in model.exit_codes()}
        kind = ModelFileError if codes == {ModelFileError.exit_status} else ModelRefused
        if len(statuses) == 1:
            raise kind(statuses[0].reason)
        raise kind(
            "None of the models can be loaded. "
            + " ".join(f"{s.name} {s.version}: {s.reason}" for s in statuses)
        )

    def _add(self, name: str) -> Model:
        with self._adding:
            if name not in self._models:
                poll = self._rules.poll_seconds or 0.0
                model = Model(
                    name,
                    self._loader,
                    pin=self._rules.pins.get(name),
                    labels=self._rules.labels.get(name),
                    settle_seconds=min(poll, 1.0) * 0.9,
                )
                self._models = self._models | {name: model}
            return self._models[name]

    def _drop(self, missing: frozenset[str]) -> None:
        """Let go of models whose directory was missing twice, so not for the time of a rename."""
        for name in missing & self._missing:
            with self._adding:
                model = self._models[name]
                self._models = {n: m for n, m in self._models.items() if n != name}
            model.remove()
            self._said.pop(name, None)
            _log.warning("the model is gone, and let go of", extra=fields(model=name))
        self._missing = missing

    def _choose_default(self) -> None:
        """The one that is set, else the one from before, else the first by name that answers."""
        if self._rules.default is not None or self._default in self._models:
            return
        answering = [name for name in self.names if self._models[name].available]
        chosen = next(iter([*answering, *self.names]), "")
        if chosen and len(self._models) > 1:
            _log.info(
                "answers where a request names no model, as the first by name; --default-model "
                "chooses another",
                extra=fields(model=chosen, models=",".join(self.names)),
            )
        self._default = chosen

    def _model(self, name: str) -> Model:
        models = self._models
        if name not in models:
            there = f"use {', '.join(sorted(models))}" if models else "there is none yet"
            raise ModelNotFound(f"There is no model '{name}': {there}.")
        return models[name]

    def _say(self, about: str, troubles: tuple[str, ...]) -> None:
        """Troubles into the log, those that are not in it yet."""
        before = self._said.get(about, ())
        for trouble in troubles:
            if trouble not in before:
                _log.warning("%s", trouble)
        self._said[about] = troubles


_ON = "what is served goes on"
