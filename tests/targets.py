#!/usr/bin/env python3
"""Prints the options that select all test targets of the package but the given ones."""
import json
import subprocess
import sys

metadata = ["cargo", "metadata", "--locked", "--no-deps", "--format-version", "1"]
package = json.loads(subprocess.run(metadata, check=True, capture_output=True).stdout)["packages"][0]
names = [it["name"] for it in package["targets"] if it["kind"] == ["test"]]
missing = set(sys.argv[1:]) - set(names)
if missing:
    sys.exit(f"no test target {', '.join(sorted(missing))}")
print(" ".join(f"--test {name}" for name in names if name not in sys.argv[1:]))
