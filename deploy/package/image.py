#!/usr/bin/env python3
"""Removes from a docker-archive what differs between two builds: the name of the machine and of the container.

    image.py ARCHIVE NAME:TAG
"""

import hashlib
import io
import json
import sys
import tarfile


def member(archive, name):
    return archive.extractfile(name).read()


def main(path, tag):
    with tarfile.open(path) as archive:
        [image] = json.loads(member(archive, "manifest.json"))
        config = json.loads(member(archive, image["Config"]))
        layers = {name: member(archive, name) for name in image["Layers"]}
    config.pop("container", None)
    for part in ("config", "container_config"):
        config.get(part, {})["Hostname"] = ""
    text = json.dumps(config, sort_keys=True).encode()
    name = hashlib.sha256(text).hexdigest() + ".json"
    manifest = [{"Config": name, "RepoTags": [tag], "Layers": image["Layers"]}]
    files = {"manifest.json": json.dumps(manifest).encode(), name: text, **layers}
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o444
            archive.addfile(entry, io.BytesIO(content))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
