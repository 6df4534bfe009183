"""``podo audit``: does this cluster hold what the CIS Kubernetes Benchmark asks for?

Each control looks from outside, by requests, files and the kernel's tables, and changes nothing (writes are dry runs).
It ends with exit code 1 where one fails.

A second opinion from the network is PyPI's kube-hunter 0.6.8, which looks at the ports 443, 6443, 8080, 10250, 10255
and 2379 only, and must not be given a CA bundle by the environment (it then mistakes the API server for something
else):

    env -u REQUESTS_CA_BUNDLE -u CURL_CA_BUNDLE kube-hunter --remote 127.0.0.1 --active

Of a cluster on port 6443 it tells that the version can be read (KHV002), which is upstream's default too, and nothing
else; and nothing at all where an AuthenticationConfiguration lets anonymous requests see health only.
"""

from __future__ import annotations

import argparse
import asyncio
import json

from podo.cli import cluster_option
from podo.cli.errors import FAILURE, USAGE, CommandFailed
from podo.cli.output.columns import table
from podo.cluster.benchmark.control import FAIL, Control, Finding
from podo.cluster.benchmark.running import chosen
from podo.cluster.benchmark.running import run as run_controls

Found = list[tuple[Control, Finding]]


def arguments(parser: argparse.ArgumentParser) -> None:
    cluster_option.add(parser)
    parser.add_argument(
        "--section",
        action="append",
        default=[],
        metavar="N",
        help="only this section (1.2, 5.1.3); may be repeated",
    )
    parser.add_argument("-o", "--output", choices=["text", "json"], default="text")


def run(options: argparse.Namespace) -> None:
    try:
        controls = chosen(options.section)
    except ValueError as problem:
        raise CommandFailed(USAGE, str(problem), "podo audit") from problem
    found = asyncio.run(run_controls(cluster_option.running(options), controls))
    (_print_json if options.output == "json" else _print_text)(found)
    failures = [control.section for control, finding in found if finding.verdict == FAIL]
    if failures:
        raise CommandFailed(FAILURE, f"{len(failures)} of {len(found)} controls failed: {', '.join(failures)}")


def _print_text(found: Found) -> None:
    rows = [(control.section, finding.verdict, control.title, finding.reason) for control, finding in found]
    print(table(("SECTION", "RESULT", "CONTROL", "REASON"), rows))
    for control, finding in found:
        if finding.verdict == FAIL and finding.remedy:
            print(f"{control.section}: try {finding.remedy}")


def _print_json(found: Found) -> None:
    controls = [
        {
            "section": control.section,
            "title": control.title,
            "result": finding.verdict,
            "reason": finding.reason,
            "remedy": finding.remedy,
        }
        for control, finding in found
    ]
    print(json.dumps({"controls": controls}, indent=2))
