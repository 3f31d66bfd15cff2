"""Every metric once: name, kind, help, labels. Base units, by Prometheus' naming conventions.

https://prometheus.io/docs/practices/naming/
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)

from edge_server.inference.statistics import BOUNDS, Distribution

Family = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily
_EDGES: Final = (*(str(bound) for bound in BOUNDS), "+Inf")


@dataclass(frozen=True)
class Metric:
    """One metric. A counter's name ends with _total, as it is exported."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()

    def values(self, *samples: tuple[Sequence[str], float]) -> Family:
        """A counter or gauge with these values, each with its labels' values."""
        make = CounterMetricFamily if self.kind == "counter" else GaugeMetricFamily
        family = make(self.name, self.help, labels=self.labels)
        for labels, value in samples:
            family.add_metric(_utf8(labels), value)
        return family

    def value(self, value: float) -> Family:
        """The same without labels."""
        return self.values(((), value))

    def distributions(self, *samples: tuple[Sequence[str], Distribution]) -> Family:
        """A histogram."""
        family = HistogramMetricFamily(self.name, self.help, labels=self.labels)
        for labels, distribution in samples:
            buckets, below = [], 0
            for edge, count in zip(_EDGES, distribution.counts, strict=True):
                below += count
                buckets.append((edge, float(below)))
            family.add_metric(_utf8(labels), buckets, distribution.seconds)
        return family


def _utf8(labels: Sequence[str]) -> list[str]:
    """What can be sent: the name of a directory may hold bytes that are no text."""
    return [label.encode("utf-8", "replace").decode() for label in labels]


def _counter(name: str, text: str, *labels: str) -> Metric:
    return Metric(name, "counter", text, labels)


def _gauge(name: str, text: str, *labels: str) -> Metric:
    return Metric(name, "gauge", text, labels)


def _histogram(name: str, text: str, *labels: str) -> Metric:
    return Metric(name, "histogram", text, labels)


_VERSION: Final = ("model", "version")

# The server

BUILD = _gauge("edge_build_info", "The server's version; always 1.", "version", "runtime")
PART_FAILED = _gauge(
    "edge_metrics_part_failed", "1 where a part of these metrics could not be read.", "part"
)
HTTP_REQUESTS = _counter(
    "edge_http_requests_total",
    "Requests, by the route's pattern and the status of the answer.",
    *("method", "route", "status"),
)
HTTP_DURATION = _histogram(
    "edge_http_request_duration_seconds",
    "Time from a request's head to its answer; of a stream, to its beginning.",
    "route",
)

# Models

REQUESTS = _histogram(
    "edge_model_request_duration_seconds",
    "Time of the requests that a model answered, from the encoded images to the classes.",
    *_VERSION,
)
FAILED = _counter(
    "edge_model_requests_failed_total",
    "Requests to a model that got an error, whoever caused it.",
    *_VERSION,
)
SHED = _counter(
    "edge_requests_shed_total",
    "Requests turned away at once, because too many waited (503).",
    *_VERSION,
)
TIMED_OUT = _counter(
    "edge_requests_timed_out_total",
    "Requests whose time was up before their answer (504).",
    *_VERSION,
)
INFERENCE = _histogram(
    "edge_inference_duration_seconds",
    "Each image's share of the time: decode, preprocess, queue, invoke, output.",
    *(*_VERSION, "stage"),
)
IMAGES = _counter("edge_images_total", "Images that were answered.", *_VERSION)
EXECUTIONS = _counter(
    "edge_executions_total", "Runs of an interpreter; a batch is one run.", *_VERSION
)
PREDICTIONS = _counter(
    "edge_predictions_total",
    "Answers by class, of models with 32 classes at most.",
    *(*_VERSION, "label"),
)
WAITING = _gauge("edge_queue_waiting", "Requests that wait for an interpreter now.", *_VERSION)
IN_LINE = _gauge(
    "edge_requests_waiting",
    "Requests with pictures that are there and wait, unread, for the processors now.",
)
LIMIT = _gauge("edge_queue_limit", "Requests that may wait before more are shed.", *_VERSION)
INTERPRETERS = _gauge("edge_interpreters", "Interpreters, busy or free.", *_VERSION, "state")
MODEL_STATE = _gauge(
    "edge_model_state",
    "1 for the state that a version is in: START, LOADING, AVAILABLE, UNLOADING, END.",
    *(*_VERSION, "state"),
)
MODEL_FAILURE = _gauge(
    "edge_model_failure_info", "Why a version can't be served; always 1.", *_VERSION, "reason"
)
MODEL = _gauge(
    "edge_model_info",
    "What a version that answers is; always 1.",
    *(*_VERSION, "recipe", "sha256", "runtime", "delegate"),
)
MODEL_BYTES = _gauge("edge_model_size_bytes", "Size of the version's file.", *_VERSION)

# Camera

CAMERA = _gauge("edge_camera_info", "Which camera it is; always 1.", "description")
CAMERA_STATE = _gauge(
    "edge_camera_state",
    "1 for the state that the camera is in: opening, live, stalled, lost, closed.",
    "state",
)
FRAMES = _counter("edge_camera_frames_total", "Frames that the camera gave.")
FRAMES_DROPPED = _counter(
    "edge_camera_frames_dropped_total",
    "Of these, frames that a newer one replaced before anybody asked for them.",
)
FRAME_RATE = _gauge("edge_camera_frames_per_second", "Frames a second over the last 3 s.")
FRAME_AGE = _gauge("edge_camera_frame_age_seconds", "Age of the newest frame.")
RECONNECTIONS = _counter(
    "edge_camera_reconnects_total", "Attempts to open the camera after it was lost."
)
VIEWERS = _gauge("edge_camera_viewers", "Viewers of the stream now.")
VIEWERS_LIMIT = _gauge("edge_camera_viewers_limit", "Viewers that there may be.")

# Live answers

LIVE_ANSWERS = _counter("edge_live_answers_total", "Frames of the camera that were classified.")
LIVE_CHANGES = _counter(
    "edge_live_label_changes_total", "Of these, frames from which on another class was seen."
)
SUBSCRIBERS = _gauge("edge_live_event_subscribers", "Followers of GET /camera/events now.")
SUBSCRIBERS_LIMIT = _gauge(
    "edge_live_event_subscribers_limit", "Followers of GET /camera/events that there may be."
)
MQTT_CONNECTED = _gauge("edge_live_mqtt_connected", "1 while the MQTT broker is connected.")

# Board

BOARD = _gauge("edge_board_info", "Which board it is; always 1.", "board")
TEMPERATURE = _gauge("edge_board_temperature_celsius", "Temperature of a thermal zone.", "zone")
THROTTLED = _gauge(
    "edge_board_throttled",
    "1 where a Raspberry Pi is slowed down or short of voltage, now or earlier: under_voltage, "
    "frequency_capped, throttled, soft_temperature_limit.",
    *("reason", "when"),
)
POWER_EVENTS = _counter(
    "edge_board_power_events_total",
    "How often a Jetson slowed down for its power supply: under_voltage, average_overcurrent, "
    "instantaneous_overcurrent.",
    "event",
)
COOLING = _gauge(
    "edge_board_cooling_state",
    "How much a cooling device cools; of a processor's clock, above 0 is throttled by heat.",
    "device",
)
COOLING_LIMIT = _gauge("edge_board_cooling_state_limit", "The most that it can.", "device")
CLOCK = _gauge("edge_board_cpu_frequency_hertz", "Clock of the processors from this one.", "cpu")
CLOCK_LIMIT = _gauge("edge_board_cpu_frequency_limit_hertz", "The most allowed now.", "cpu")
MEMORY = _gauge("edge_board_memory_total_bytes", "Memory of the board.")
MEMORY_AVAILABLE = _gauge(
    "edge_board_memory_available_bytes", "Memory that programs can have without swapping."
)
LOAD = _gauge("edge_board_load", "Runnable tasks, the mean of so many minutes.", "minutes")
UPTIME = _gauge("edge_board_uptime_seconds", "Time since the board started.")

METRICS: Final = tuple(thing for thing in globals().values() if isinstance(thing, Metric))
