"""What one request, and all together, may take."""

from __future__ import annotations

from dataclasses import dataclass

from edge_server.configuration.declaration import setting


@dataclass(frozen=True)
class LimitSettings:
    timeout: float = setting(
        10.0,
        "seconds from the arrival of a request to its answer",
        "SECONDS",
        minimum=0.01,
        maximum=600,
        reason="a person waits so long and not longer, and no request waits for ever",
    )
    upload_timeout: float = setting(
        60.0,
        "seconds that the body of a request may take to come",
        "SECONDS",
        minimum=0.1,
        maximum=3600,
        reason="the largest body in half a minute is 10 Mbit/s; slower ones hold memory for long",
    )
    queue: int = setting(
        32,
        "requests with pictures that may wait before more get 503",
        "N",
        minimum=0,
        maximum=10_000,
        reason="each holds its picture in memory; more could not be answered in time",
    )
    max_body: int = setting(
        32,
        "largest request body, MiB",
        "MIB",
        minimum=1,
        maximum=1024,
        reason="room for several photos of a telephone, and not for filling the device's memory",
    )
    max_pixels: int = setting(
        50,
        "largest picture, megapixels",
        "MP",
        minimum=1,
        maximum=178,  # Pillow itself refuses more
        reason="above that of most cameras; decoded, it takes 150 MB",
    )
    max_images: int = setting(
        64,
        "most images in one request",
        "N",
        minimum=1,
        maximum=4096,
        reason="one request must not keep the interpreters from all others for long",
    )
    viewers: int = setting(
        8,
        "most viewers of the camera's stream at once",
        "N",
        minimum=0,
        maximum=256,
        reason="each takes a share of the network and of a processor; a kiosk needs one",
    )
