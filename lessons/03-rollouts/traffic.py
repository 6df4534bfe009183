"""Send requests at a steady rate, each on a connection of its own, and print what answered: a line a second and a sum.

    python traffic.py URL [--rate 500] [--seconds 30] [--version 'REGEX with one group'] [--begun FILE]

The version is what the regular expression finds in the answer. Every request that fails gets a line of its own. Ends
by itself, or at SIGINT or SIGTERM; the exit code is 1 if a request failed. On a machine that is too slow for the rate
requests wait for others to end. Needs nothing but Python.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import signal
from collections import Counter
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

SECONDS_A_REQUEST = 20.0
MOST_AT_ONCE = 400
MOST_FAILURES_SHOWN = 10


class Traffic:
    def __init__(self, url: str, version: str, begun: Path | None) -> None:
        self._url: SplitResult = urlsplit(url)
        self._version = re.compile(version)
        self._begun = begun
        self._room = asyncio.Semaphore(MOST_AT_ONCE)
        self._failures_shown = 0
        self.answers: Counter[str] = Counter()
        self.failed = 0

    async def send(self, rate: float, seconds: float, stop: asyncio.Event) -> None:
        """Requests start on time whatever the former ones do, as long as there is room; returns when all have ended."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        reporting = loop.create_task(self._report())
        async with asyncio.TaskGroup() as requests:
            for number in range(int(rate * seconds)):
                if stop.is_set():
                    break
                await self._room.acquire()
                requests.create_task(self._request(number)).add_done_callback(lambda _: self._room.release())
                await asyncio.sleep(max(0.0, began + (number + 1) / rate - loop.time()))
        reporting.cancel()

    async def _request(self, number: int) -> None:
        steps = ["connecting"]
        try:
            async with asyncio.timeout(SECONDS_A_REQUEST):
                answer = await self._fetch(steps)
        except (OSError, TimeoutError, ValueError) as failure:
            self.failed += 1
            if self._failures_shown < MOST_FAILURES_SHOWN:
                self._failures_shown += 1
                say(f"request {number}: {type(failure).__name__} {steps[-1]} {failure}")
            return
        found = self._version.search(answer)
        self.answers[found[1] if found else "something else"] += 1
        if self._begun:
            self._begun.touch()
            self._begun = None

    async def _fetch(self, steps: list[str]) -> str:
        """``steps`` tells how far it has come."""
        reader, writer = await asyncio.open_connection(self._url.hostname, self._url.port or 80)
        try:
            steps.append(f"connected, from port {writer.get_extra_info('sockname')[1]}")
            path = self._url.path or "/"
            writer.write(f"GET {path} HTTP/1.1\r\nHost: {self._url.netloc}\r\nConnection: close\r\n\r\n".encode())
            answer = (await reader.read()).decode(errors="replace")
        finally:
            writer.close()
        if not answer.startswith("HTTP/1.1 200 "):
            raise ValueError(answer.partition("\r\n")[0] or "connection closed without an answer")
        return answer

    async def _report(self) -> None:
        before: Counter[str] = Counter()
        failed = 0
        while True:
            await asyncio.sleep(1)
            say(shares(self.answers - before, self.failed - failed))
            before, failed = self.answers.copy(), self.failed


def shares(answers: Counter[str], failed: int) -> str:
    """``1.14.2  350  70 %    1.16.1  150  30 %    failed  0``"""
    total = sum(answers.values()) + failed
    parts = [f"{version} {count:5} {100 * count / total:4.0f} %" for version, count in sorted(answers.items())]
    return "    ".join([*parts, f"failed {failed}"])


def say(line: str) -> None:
    print(f"  | {line}", flush=True)


async def run(options: argparse.Namespace) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    traffic = Traffic(options.url, options.version, options.begun)
    await traffic.send(options.rate, options.seconds, stop)
    say(f"all: {sum(traffic.answers.values()) + traffic.failed} requests    {shares(traffic.answers, traffic.failed)}")
    return 1 if traffic.failed else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--rate", type=float, default=500, help="requests a second")
    parser.add_argument("--seconds", type=float, default=30, help="how long at most")
    parser.add_argument("--version", default=r"nginx:([\w.]+)", help="what tells the versions apart, in an answer")
    parser.add_argument("--begun", type=Path, help="a file to make when the first request has been answered")
    return asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    raise SystemExit(main())
