"""GET /camera/events through EventSource of a real browser."""

from __future__ import annotations

from itertools import pairwise


def test_event_source_gets_the_camera_and_each_other_label(digits_server, chromium_page):
    chromium_page.goto(digits_server.url + "/docs")
    seen = chromium_page.evaluate(
        """() => new Promise((resolve, reject) => {
            const labels = [], cameras = [], source = new EventSource('/camera/events');
            source.addEventListener('camera', event => cameras.push(JSON.parse(event.data).state));
            source.addEventListener('prediction', event => {
                labels.push([JSON.parse(event.data).prediction, Number(event.lastEventId)]);
                if (labels.length === 3) { source.close(); resolve({labels, cameras}); }
            });
            source.onerror = () => reject(new Error('the events ended'));
            setTimeout(() => reject(new Error('there were too few events')), 30000);
        })"""
    )
    assert seen["cameras"][0] == "live"
    labels, numbers = zip(*seen["labels"], strict=True)
    # The demo shows another digit every two seconds.
    assert all(before != after for before, after in pairwise(labels))
    assert list(numbers) == sorted(set(numbers))
    assert chromium_page.console_errors == []
