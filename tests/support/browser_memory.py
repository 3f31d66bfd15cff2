"""How much memory a Chromium takes: its page's script heap, and all its processes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Memory:
    """Bytes: of the page's scripts after a collection; of the page's process; of all processes."""

    heap: int
    page: int
    browser: int


def measure(page: Any) -> Memory:
    """Of the browser of Playwright's that shows `page`. One browser at a time on this machine."""
    tools = page.context.new_cdp_session(page)
    for _ in range(2):
        tools.send("HeapProfiler.collectGarbage")
    tools.send("Performance.enable")
    metrics = {m["name"]: m["value"] for m in tools.send("Performance.getMetrics")["metrics"]}
    tools.detach()
    root = page.context.browser.new_browser_cdp_session()
    processes = root.send("SystemInfo.getProcessInfo")["processInfo"]
    root.detach()
    sizes = [(process["type"], _pss(int(process["id"]))) for process in processes]
    return Memory(
        heap=int(metrics["JSHeapUsedSize"]),
        page=sum(size for kind, size in sizes if kind == "renderer"),
        browser=sum(size for _, size in sizes),
    )


def _pss(process: int) -> int:
    try:
        text = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii")
    except OSError:  # it went just now
        return 0
    found = re.search(r"^Pss: +(\d+) kB", text, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0
