#!/usr/bin/env bash
# Runs the Python snippets of docs/tools.md, in the order of the page. The packages are installed once, into
# target/snippets; without python3 or a package registry the test reports that and is skipped.
#
# Usage: tests/snippets.sh [BINARY]   (default: target/debug/tweetoscope)
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(pandas==3.1.1 polars==2.1.0 duckdb==2.0.1)
binary=$(realpath "${1:-target/debug/tweetoscope}")
venv=target/snippets
if [ "$(cat $venv/packages 2>/dev/null)" != "${packages[*]}" ]; then
  rm -rf $venv
  if ! { python3 -m venv $venv &&
    $venv/bin/pip install --quiet --disable-pip-version-check "${packages[@]}" &&
    echo "${packages[*]}" >$venv/packages; }; then
    if [ "${CI:-}" = true ]; then
      echo 'missing: python3 with venv, and the packages of the snippets' >&2
      exit 1
    fi
    echo 'skipped: the packages of the snippets cannot be installed'
    exit 0
  fi
fi
python=$(pwd)/$venv/bin/python

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
ln -s "$(pwd)/testdata" "$folder/testdata"
ln -s "$binary" "$folder/tweetoscope"
awk -v to="$folder" '/^```python/ {n++; file = to "/" n ".py"; next} /^```/ {file = ""} file {print >file}' docs/tools.md
cd "$folder"
export PATH="$folder:$PATH"
tweetoscope run --folds 3 --windows 10m --predictions evaluation.csv testdata/tideh.jsonl.gz >table.txt
snippets=(?.py)
if [ "${#snippets[@]}" -ne 3 ]; then
  echo "docs/tools.md has ${#snippets[@]} snippets in Python; there were 3" >&2
  exit 1
fi
for snippet in "${snippets[@]}"; do
  printf '\n-- %s\n' "$(sed -n 3p "$snippet")"
  "$python" "$snippet" 2>stderr.txt >stdout.txt || { cat stderr.txt >&2; exit 1; }
  cat stdout.txt
  # Each prints its largest prediction, that of the last cascade of the table.
  grep -q 900005 stdout.txt
done
