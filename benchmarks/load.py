"""Load from wrk: many requests at once over connections that stay open, and what came of them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import msgspec
from servers import Running, environment, pinned

CONNECTIONS = 16
EACH_NEW = Path(__file__).with_name("each_new.lua")
UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}


class Load(msgspec.Struct):
    """What a server did under load; latencies in seconds, and so is the processor time of one request."""

    requests_per_second: float
    cpu: float
    median: float
    slowest_hundredth: float


def press(
    server: Running,
    target: str,
    headers: Mapping[str, str],
    *,
    seconds: float,
    processor: int | None,
    is_each_new: bool = False,
) -> Load:
    """Ask a server for one thing for some seconds; raises RuntimeError if any answer is not a good one.

    With `is_each_new` each request has another parameter, which says nothing: no answer is one that was given before.
    """
    url = server.url + target
    command = [*pinned(processor), "wrk", "--threads", "1", "--connections", str(CONNECTIONS), "--latency"]
    command += ["--duration", f"{max(1, round(seconds))}s", "--timeout", "30s"]
    for name, value in headers.items():
        command += ["--header", f"{name}: {value}"]
    if is_each_new:
        command += ["--script", str(EACH_NEW)]
    cpu = server.cpu_seconds()
    done = subprocess.run([*command, url], capture_output=True, text=True, check=False, env=environment())
    cpu = server.cpu_seconds() - cpu
    requests = re.search(r"(\d+) requests in", done.stdout)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    is_bad = any(word in done.stdout for word in ("Non-2xx", "Socket errors"))
    if done.returncode or is_bad or rate is None or requests is None:
        raise RuntimeError(f"wrk on {url}: {done.stdout}{done.stderr}")
    return Load(float(rate[1]), cpu / int(requests[1]), _percentile(done.stdout, 50), _percentile(done.stdout, 99))


def _percentile(text: str, percent: int) -> float:
    found = re.search(rf"^\s+{percent}%\s+([\d.]+)(us|ms|s)\s*$", text, re.MULTILINE)
    return float(found[1]) * UNITS[found[2]] if found else float("nan")
