"""GET /camera/events through EventSource of a real browser."""

from __future__ import annotations

from itertools import pairwise


def test_event_source_gets_the_camera_and_each_change_of_label_or_sureness(
    digits_server, chromium_page
):
    chromium_page.goto(digits_server.url + "/docs")
    seen = chromium_page.evaluate(
        """() => new Promise((resolve, reject) => {
            const told = [], cameras = [], source = new EventSource('/camera/events');
            source.addEventListener('camera', event => cameras.push(JSON.parse(event.data).state));
            source.addEventListener('prediction', event => {
                const {prediction, sure} = JSON.parse(event.data);
                told.push([prediction, sure, Number(event.lastEventId)]);
                if (told.length === 3) { source.close(); resolve({told, cameras}); }
            });
            source.onerror = () => reject(new Error('the events ended'));
            setTimeout(() => reject(new Error('there were too few events')), 30000);
        })"""
    )
    assert seen["cameras"][0] == "live"
    # The demo shows another digit every two seconds; between two of them neither may be sure.
    for (label, sure, number), (next_label, next_sure, next_number) in pairwise(seen["told"]):
        assert (next_label, next_sure) != (label, sure)
        assert next_number > number
    assert chromium_page.console_errors == []
