"""``podo version``."""

from __future__ import annotations

import argparse

from podo import version


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-o", "--output", choices=["text", "json"], default="text")


def run(options: argparse.Namespace) -> None:
    if options.output == "json":
        import json

        print(json.dumps({"podo": version.PODO, "kubernetes": version.GIT_VERSION}))
    else:
        print(f"podo {version.PODO}\nkubernetes {version.GIT_VERSION}")
