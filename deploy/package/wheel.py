#!/usr/bin/env python3
"""Writes a Python wheel that carries the program, as pip installs it into the path of an environment.

    wheel.py PROGRAM VERSION MACHINE THIRD-PARTY.txt FOLDER

The bytes depend on the content and on SOURCE_DATE_EPOCH only. MACHINE is x86_64 or aarch64. A static
program runs with any C library, hence the tags of manylinux and of musllinux.
"""

import base64
import hashlib
import os
import re
import sys
import time
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STAMP = time.gmtime(max(int(os.environ.get("SOURCE_DATE_EPOCH", "315532800")), 315532800))[:6]


def readme(repository):
    """README.md with absolute links, since the index has no other files of the repository."""
    text = (ROOT / "README.md").read_text()
    blob = f"{repository}/-/blob/main/" if "gitlab" in repository else f"{repository}/blob/main/"
    return re.sub(r"\]\((?!\w+:|#)", f"]({blob}", text)


def main(program, version, machine, third_party, folder):
    manifest = tomllib.loads((ROOT / "Cargo.toml").read_text())["package"]
    repository = os.environ.get("REPOSITORY") or manifest["repository"]
    platform = ".".join(f"{it}_{machine}" for it in ("manylinux_2_17", "manylinux2014", "musllinux_1_1"))
    info, data = f"tweetoscope-{version}.dist-info", f"tweetoscope-{version}.data"
    metadata = "\n".join([
        "Metadata-Version: 2.4",
        "Name: tweetoscope",
        f"Version: {version}",
        f"Summary: {manifest['description']}",
        f"License-Expression: {manifest['license']}",
        "License-File: LICENSE-APACHE",
        "License-File: LICENSE-MIT",
        "License-File: THIRD-PARTY.txt",
        f"Keywords: {','.join(manifest['keywords'])}",
        "Classifier: Environment :: Console",
        "Classifier: Operating System :: POSIX :: Linux",
        "Classifier: Programming Language :: Rust",
        "Classifier: Topic :: Scientific/Engineering",
        "Requires-Python: >=3.8",
        f"Project-URL: Repository, {repository}",
        "Description-Content-Type: text/markdown",
        "",
        readme(repository),
    ])
    tags = "".join(f"Tag: py3-none-{tag}\n" for tag in platform.split("."))
    wheel = f"Wheel-Version: 1.0\nGenerator: tweetoscope ({version})\nRoot-Is-Purelib: false\n{tags}"
    files = [
        (f"{data}/scripts/tweetoscope", Path(program).read_bytes(), 0o755),
        *((f"{data}/data/share/man/man1/{page.name}", page.read_bytes(), 0o644)
          for page in sorted((ROOT / "man").glob("*.1"))),
        (f"{info}/METADATA", metadata.encode(), 0o644),
        (f"{info}/WHEEL", wheel.encode(), 0o644),
        (f"{info}/licenses/LICENSE-APACHE", (ROOT / "LICENSE-APACHE").read_bytes(), 0o644),
        (f"{info}/licenses/LICENSE-MIT", (ROOT / "LICENSE-MIT").read_bytes(), 0o644),
        (f"{info}/licenses/THIRD-PARTY.txt", Path(third_party).read_bytes(), 0o644),
    ]
    record = ""
    for name, content, _ in files:
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        record += f"{name},sha256={digest},{len(content)}\n"
    files.append((f"{info}/RECORD", (record + f"{info}/RECORD,,\n").encode(), 0o644))
    path = Path(folder) / f"tweetoscope-{version}-py3-none-{platform}.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content, mode in files:
            entry = zipfile.ZipInfo(name, STAMP)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = (0o100000 | mode) << 16
            archive.writestr(entry, content)


if __name__ == "__main__":
    if len(sys.argv) != 6:
        sys.exit(__doc__)
    main(*sys.argv[1:])
