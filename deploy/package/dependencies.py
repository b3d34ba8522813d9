#!/usr/bin/env python3
"""What the binary is made of, from Cargo.lock and the sources of the crates.

    dependencies.py licences         the licence texts of everything in the binary
    dependencies.py sbom             a CycloneDX 1.6 bill of materials
    dependencies.py check            licences and sources against .deny.toml; exit status 1 on a violation
    dependencies.py unsafe [--check] the table in docs/dependencies.md, written or compared

Needs cargo and Python 3.11 or newer; reads the network only where cargo must download a crate. The output depends on
Cargo.lock, TARGET, REPOSITORY and SOURCE_DATE_EPOCH only.
"""

import datetime
import hashlib
import json
import os
import re
import subprocess
import sys
import tomllib
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LICENCE_FILE = re.compile(r"^(licen[cs]es?|copying|copyright|notice|unlicense)([-_.].*)?$", re.IGNORECASE)
# C libraries inside crates: crate, library, licence, folder of the licence in the crate.
BUNDLED = [
    ("rdkafka-sys", "librdkafka", "BSD-2-Clause", "librdkafka"),
    ("openssl-src", "openssl", "Apache-2.0", "openssl"),
    ("zstd-sys", "zstd", "BSD-3-Clause", "zstd"),
    ("libz-sys", "zlib", "Zlib", "src/zlib"),
    ("tikv-jemalloc-sys", "jemalloc", "BSD-2-Clause", "jemalloc"),
]


def run(*command):
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def target():
    return os.environ.get("TARGET") or run("rustc", "--print", "host-tuple").strip()


class Graph:
    """The packages whose code is in the binary, and what each depends on."""

    def __init__(self):
        # cargo reads the settings of the folder that it works in.
        text = run("cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", target())
        metadata = json.loads(text)
        self.packages = {package["id"]: package for package in metadata["packages"]}
        # cargo metadata also lists optional dependencies that only a weak feature names; cargo tree does not.
        tree = run("cargo", "tree", "--locked", "-e", "normal,no-proc-macro", "--target", target(), "--prefix", "none",
                   "--format", "{p}")
        self.built = {tuple(line.split()[:2]) for line in tree.splitlines() if line}
        nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
        self.root = metadata["resolve"]["root"]
        self.edges, todo = {}, [self.root]
        while todo:
            id = todo.pop()
            if id in self.edges:
                continue
            self.edges[id] = sorted(dep["pkg"] for dep in nodes[id]["deps"] if self.linked(dep))
            todo.extend(self.edges[id])
        self.ids = sorted(self.edges, key=lambda id: (self.packages[id]["name"], self.packages[id]["version"]))

    def linked(self, dep):
        """Normal dependencies; of those of build scripts, only the C sources that they build."""
        normal = any(kind["kind"] is None for kind in dep["dep_kinds"])
        package = self.packages[dep["pkg"]]
        built = (package["name"], "v" + package["version"]) in self.built
        return (normal and built) or package["name"] == "openssl-src"

    def others(self):
        return [self.packages[id] for id in self.ids if id != self.root]


def folder(package):
    return Path(package["manifest_path"]).parent


def texts(place):
    found = sorted(path for path in place.glob("*") if path.is_file() and path.suffix != ".html" and LICENCE_FILE.match(path.name))
    return [path.read_text(errors="replace").strip() for path in found]


def licences():
    graph = Graph()
    by_text, missing = {}, []

    def add(title, found):
        for text in found:
            by_text.setdefault(" ".join(text.split()), (text, []))[1].append(title)

    for package in graph.others():
        title = f"{package['name']} {package['version']} ({package['license']})"
        found = texts(folder(package))
        for crate, library, licence, place in BUNDLED:
            if package["name"] == crate:
                inner = texts(folder(package) / place)
                if not inner:
                    sys.exit(f"{crate}: no licence of {library} in {place}")
                add(f"{library}, in {crate} {package['version']} ({licence})", inner)
        add(title, found)
        if not found:
            missing.append(title)
    add("Rust standard library, The Rust Project Developers (MIT OR Apache-2.0; parts Apache-2.0 WITH LLVM-exception)",
        [(ROOT / "LICENSE-APACHE").read_text().strip()])
    # A static binary contains the C library.
    add("GNU C Library (LGPL-2.1-or-later)", texts(Path("/usr/share/doc/libc6")))
    print("The tweetoscope binary contains the following components, with their licences.")
    if missing:
        print("\nTheir crates carry no licence text; the expression is that of their manifest:\n")
        print("\n".join(f"  {title}" for title in missing))
    for text, titles in sorted(by_text.values(), key=lambda it: it[1]):
        print("\n" + "=" * 80 + "\n" + "\n".join(sorted(set(titles))) + "\n" + "-" * 80 + f"\n{text}")


def moment():
    seconds = int(os.environ.get("SOURCE_DATE_EPOCH", "315532800"))
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def component(package, kind, checksums):
    name, version = package["name"], package["version"]
    made = {
        "type": kind,
        "bom-ref": f"pkg:cargo/{name}@{version}",
        "name": name,
        "version": version,
        "purl": f"pkg:cargo/{name}@{version}",
    }
    if package["description"]:
        made["description"] = " ".join(package["description"].split())
    if package["license"]:
        made["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
    if checksum := checksums.get((name, version)):
        made["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    if package["repository"]:
        made["externalReferences"] = [{"type": "vcs", "url": package["repository"]}]
    return made


def sbom():
    graph = Graph()
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
    checksums = {(it["name"], it["version"]): it.get("checksum") for it in lock}
    root = graph.packages[graph.root]
    root["repository"] = os.environ.get("REPOSITORY") or root["repository"]
    parts = [component(package, "library", checksums) for package in graph.others()]
    edges = {}
    for id in graph.ids:
        ref = component(graph.packages[id], "library", {})["bom-ref"]
        edges[ref] = [component(graph.packages[it], "library", {})["bom-ref"] for it in graph.edges[id]]
    for package in graph.others():
        for crate, library, licence, _ in BUNDLED:
            if package["name"] != crate:
                continue
            version = package["version"].partition("+")[2] or package["version"]
            ref = f"pkg:generic/{library}@{version}"
            parts.append({"type": "library", "bom-ref": ref, "name": library, "version": version,
                          "purl": ref, "licenses": [{"expression": licence}]})
            edges[f"pkg:cargo/{crate}@{package['version']}"].append(ref)
            edges[ref] = []
    bom = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": moment(),
            "component": component(root, "application", checksums),
            "properties": [{"name": "target", "value": target()}],
        },
        "components": parts,
        "dependencies": [{"ref": ref, "dependsOn": sorted(set(to))} for ref, to in sorted(edges.items())],
    }
    digest = hashlib.sha256(json.dumps(bom, sort_keys=True).encode()).hexdigest()
    bom["serialNumber"] = f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, digest)}"
    print(json.dumps(bom, indent=1, ensure_ascii=False))


def allowed(expression, licences):
    """Whether an SPDX expression is satisfied by the licences of a list."""
    words = re.findall(r"[()]|[^\s()]+", expression.replace("/", " OR "))

    def any_of():
        result = all_of()
        while words and words[0] == "OR":
            words.pop(0)
            result |= all_of()
        return result

    def all_of():
        result = one()
        while words and words[0] == "AND":
            words.pop(0)
            result &= one()
        return result

    def one():
        word = words.pop(0)
        if word == "(":
            result = any_of()
            words.pop(0)
            return result
        if words and words[0] == "WITH":
            words.pop(0)
            word += " WITH " + words.pop(0)
        return word in licences

    return any_of()


def check():
    rules = tomllib.loads((ROOT / ".deny.toml").read_text())
    metadata = json.loads(run("cargo", "metadata", "--format-version", "1", "--locked", "--all-features"))
    banned = {entry["crate"] for entry in rules["bans"]["deny"]}
    registries = set(rules["sources"]["allow-registry"])
    faults = []
    for package in metadata["packages"]:
        title = f"{package['name']} {package['version']}"
        if package["name"] in banned:
            faults.append(f"{title}: banned")
        if not allowed(package["license"] or "none", set(rules["licenses"]["allow"])):
            faults.append(f"{title}: licence {package['license']} is not in the list")
        source = package["source"]
        if source is not None and source.removeprefix("registry+") not in registries:
            faults.append(f"{title}: from {source}")
    for fault in faults:
        print(fault, file=sys.stderr)
    print(f"{len(metadata['packages'])} packages, {len(faults)} violations")
    sys.exit(1 if faults else 0)


def unsafe_count(package):
    """Lines of Rust code that contain the keyword unsafe, without comments."""
    count = 0
    for path in sorted((folder(package) / "src").rglob("*.rs")):
        for line in path.read_text(errors="replace").splitlines():
            count += re.search(r"\bunsafe\b(?!_)", line.partition("//")[0]) is not None
    return count


def unsafe():
    graph = Graph()
    rows = [(unsafe_count(package), package) for package in graph.others()]
    rows.sort(key=lambda row: (-row[0], row[1]["name"], row[1]["version"]))
    table = ["| crate | version | licence | lines with `unsafe` |", "|---|---|---|---|"]
    for count, it in rows:
        if count:
            table.append(f"| {it['name']} | {it['version']} | {it['license']} | {count} |")
    without = sum(1 for count, _ in rows if not count)
    table.append(f"\n{without} further crates contain no `unsafe`.")
    page = ROOT / "docs/dependencies.md"
    text = page.read_text()
    mark = "<!-- Generated by deploy/package/dependencies.py unsafe. -->\n\n"
    wanted = text.partition(mark)[0] + mark + "\n".join(table) + "\n"
    if "--check" in sys.argv and wanted != text:
        sys.exit("docs/dependencies.md is out of date: run deploy/package/dependencies.py unsafe")
    page.write_text(wanted)
    print(f"{len(rows)} crates, {len(rows) - without} with unsafe")


if __name__ == "__main__":
    parts = {"licences": licences, "sbom": sbom, "check": check, "unsafe": unsafe}
    if len(sys.argv) < 2 or sys.argv[1] not in parts:
        sys.exit(__doc__)
    parts[sys.argv[1]]()
