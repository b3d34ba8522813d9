#!/usr/bin/env bash
# Builds the packages of a release, and installs, uses and removes each in a clean place. As root on Debian; about
# ten minutes, most of it for the static program.
#
#   tests/release.sh [STEP...]
#
# Steps: build same archive sbom deb wheel image kafka dependencies figures; default: all. REBUILD=1 also builds the program
# twice and compares the bytes.
set -euo pipefail
cd "$(dirname "$0")/.."

bash tests/release/install.sh
tools=$PWD/target/release-tools/bin
out=$PWD/target/package
version=$(deploy/package.sh version)
target=$(rustc --print host-tuple)
work=$(mktemp -d "${TMPDIR:-/tmp}/tweetoscope-release.XXXXXX")
cleanup() {
  if mountpoint -q "$work/image"; then umount "$work/image"; fi
  if mountpoint -q "$work/root/proc"; then umount "$work/root/proc"; fi
  rm -rf "$work"
}
trap cleanup EXIT

passed=0
fail() { echo "FAILED: $*" >&2; exit 1; }
pass() { passed=$((passed + 1)); echo "ok: $*"; }
expect() { # description, expected, actual
  [ "$2" = "$3" ] || fail "$1: expected '$2', got '$3'"
  pass "$1"
}

# Predictions of a pipeline, as a user would run it.
predictions() { # command...
  "$@" generate --simulate 300 --seed 1 | "$@" collect --terminated 1d | "$@" fit | "$@" predict | grep -c '"type":"alert"'
}

use() { # description, command...
  local title=$1
  shift
  expect "$title: version" "tweetoscope $version" "$("$@" --version)"
  expect "$title: predictions of a pipeline" "$(predictions "target/$target/release/tweetoscope")" "$(predictions "$@")"
}

step_build() {
  rm -rf "$out"
  deploy/package.sh
  (cd "$out" && sha256sum --check --quiet SHA256SUMS) || fail 'SHA256SUMS'
  expect 'number of packages' 5 "$(wc -l <"$out/SHA256SUMS")"
}

step_same() {
  cp "$out/SHA256SUMS" "$work/first"
  local program=target/$target/release/tweetoscope parts=(archive sbom deb wheel image sums)
  if [ "${REBUILD:-}" = 1 ]; then
    mv "target/$target" "$work/target"
    parts=(binary "${parts[@]}")
  fi
  rm -rf "$out"
  deploy/package.sh "${parts[@]}" >/dev/null 2>"$work/log" || { cat "$work/log"; fail 'the second build'; }
  if [ "${REBUILD:-}" = 1 ]; then
    cmp "$program" "$work/target/release/tweetoscope" || fail 'two builds of the program differ'
    pass 'two builds of the program have the same bytes'
  fi
  diff "$work/first" "$out/SHA256SUMS" || fail 'two builds differ'
  pass 'two builds of the packages have the same bytes'
}

step_archive() {
  tar -xzf "$out/tweetoscope-$version-$target.tar.gz" -C "$work"
  local tree=$work/tweetoscope-$version-$target
  for file in LICENSE-MIT LICENSE-APACHE THIRD-PARTY.txt README.md CHANGELOG.md man/tweetoscope.1 completions/_tweetoscope; do
    [ -s "$tree/$file" ] || fail "archive without $file"
  done
  for library in librdkafka openssl zstd 'GNU C Library' 'Rust standard library'; do
    grep -q "^$library" "$tree/THIRD-PARTY.txt" || fail "THIRD-PARTY.txt without $library"
  done
  ! ldd "$tree/tweetoscope" 2>/dev/null | grep -q '=>' || fail 'not static'
  # Paths of the machine that built it.
  ! grep -aq "$HOME/.cargo" "$tree/tweetoscope" || fail 'the program names a home directory'
  use archive "$tree/tweetoscope"
  expect 'predictions for the recorded cascades' 100 "$(cd "$tree" && ./tweetoscope generate --history "$OLDPWD/testdata/tideh.jsonl.gz" |
    ./tweetoscope collect --windows 10m,1h --terminated 1d | ./tweetoscope fit | ./tweetoscope predict | grep -c '"type":"alert"')"
}

step_sbom() {
  "$tools/python3" - "$out/tweetoscope-$version-$target.cdx.json" <<'PY'
import json, sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
text = open(sys.argv[1]).read()
error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
assert error is None, error
bom = json.loads(text)
refs = {it["bom-ref"] for it in bom["components"]} | {bom["metadata"]["component"]["bom-ref"]}
for edge in bom["dependencies"]:
    assert edge["ref"] in refs and refs.issuperset(edge["dependsOn"]), edge
names = {it["name"] for it in bom["components"]}
assert {"librdkafka", "openssl", "zstd", "zlib", "clap", "hyper"} <= names, names
assert not names & {"divan", "jsonschema"}, "dependencies of tests are not in the program"
print(len(bom["components"]), "components")
PY
  pass 'bill of materials'
}

step_deb() {
  local package root=$work/root cache=target/release-tools/bookworm.tar
  package=$(echo "$out"/tweetoscope_*.deb)
  lintian --fail-on error,warning --allow-root "$package" || fail 'lintian'
  pass 'lintian'
  if ! [ -e $cache ]; then
    PATH=$PATH:/usr/sbin debootstrap --variant=minbase bookworm "$root" >"$work/debootstrap.log" || { tail "$work/debootstrap.log"; fail debootstrap; }
    tar -C "$root" --exclude='./var/cache/apt/archives/*.deb' -cf $cache .
  else
    mkdir "$root" && tar -C "$root" -xf $cache
  fi
  mount -t proc proc "$root/proc"
  cp "$package" "$root/tmp/"
  chroot "$root" find / -xdev -path /proc -prune -o -path /tmp -prune -o -print | sort >"$work/before"
  chroot "$root" dpkg -i "/tmp/${package##*/}" >/dev/null
  use 'Debian package' chroot --userspec=nobody "$root" tweetoscope
  for file in /lib/systemd/system/tweetoscope@.service /usr/share/bash-completion/completions/tweetoscope \
    /usr/share/man/man1/tweetoscope-collect.1.gz /etc/tweetoscope/kafka.properties; do
    [ -s "$root$file" ] || grep -q 'path-exclude' "$root"/etc/dpkg/dpkg.cfg.d/* 2>/dev/null || fail "no $file"
  done
  expect 'mode of the credentials' 600 "$(stat -c %a "$root/etc/tweetoscope/kafka.properties")"
  echo 'TWEETOSCOPE_MIN_SIZE=3' >>"$root/etc/tweetoscope/collect.env"
  chroot "$root" dpkg -i "/tmp/${package##*/}" >/dev/null 2>&1
  grep -q MIN_SIZE=3 "$root/etc/tweetoscope/collect.env" || fail 'a second installation overwrites the configuration'
  pass 'configuration is kept'
  mkdir -p "$root/var/log/private/tweetoscope"
  chroot "$root" dpkg --purge tweetoscope >/dev/null
  chroot "$root" find / -xdev -path /proc -prune -o -path /tmp -prune -o -print | sort >"$work/after"
  diff <(grep -v '^/var/\(lib\|log\|cache\)/\(dpkg\|private\|dpkg.log\)' "$work/before") \
    <(grep -v '^/var/\(lib\|log\|cache\)/\(dpkg\|private\|dpkg.log\)' "$work/after") || fail 'files are left after the purge'
  [ ! -e "$root/var/log/private/tweetoscope" ] || fail 'logs are left after the purge'
  pass 'nothing is left after the purge'
  umount "$root/proc"
}

step_wheel() {
  local wheel
  wheel=$(echo "$out"/tweetoscope-*.whl)
  "$tools/twine" check --strict "$wheel" || fail 'twine'
  python3 -m venv "$work/venv"
  "$work/venv/bin/pip" install --quiet --disable-pip-version-check --no-index "$wheel"
  use wheel "$work/venv/bin/tweetoscope"
  [ -s "$work/venv/share/man/man1/tweetoscope.1" ] || fail 'no man page'
  "$work/venv/bin/pip" uninstall --quiet --yes tweetoscope
  [ ! -e "$work/venv/bin/tweetoscope" ] || fail 'the program is left'
  # The oldest C library that the tag names has to suffice: a static program needs none.
  "$tools/python3" - "$wheel" <<'PY'
import io, sys, zipfile
from elftools.elf.elffile import ELFFile
archive = zipfile.ZipFile(sys.argv[1])
[program] = [name for name in archive.namelist() if name.endswith("/scripts/tweetoscope")]
elf = ELFFile(io.BytesIO(archive.read(program)))
assert elf.get_section_by_name(".gnu.version_r") is None, "needs versions of symbols"
needed = [tag.needed for tag in (elf.get_section_by_name(".dynamic") or type("", (), {"iter_tags": lambda s: []})()).iter_tags()
          if tag.entry.d_tag == "DT_NEEDED"]
assert not needed, needed
mode = archive.getinfo(program).external_attr >> 16
assert mode & 0o111 == 0o111, oct(mode)
PY
  pass 'the wheel needs no library'
}

step_image() {
  local options=(--root "$work/containers" --runroot "$work/containers-run") container mounted
  export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot
  container=$(buildah "${options[@]}" from "docker-archive:$out/tweetoscope-$version-$target.docker.tar")
  buildah "${options[@]}" inspect "$container" >"$work/config.json"
  python3 - "$work/config.json" "$version" <<'PY'
import json, sys
config = json.load(open(sys.argv[1]))["Docker"]["config"]
assert config["User"] == "65532:65532", config["User"]
assert config["Entrypoint"] == ["/tweetoscope"], config["Entrypoint"]
assert config["Healthcheck"]["Test"] == ["CMD", "/tweetoscope", "healthy", "127.0.0.1:9100"], config["Healthcheck"]
labels = config["Labels"]
prefix = "org.opencontainers.image."
assert labels[prefix + "version"] == sys.argv[2], labels
for name in ("title", "description", "revision", "source", "licenses"):
    assert labels[prefix + name], name
PY
  pass 'configuration of the image'
  mounted=$(buildah "${options[@]}" mount "$container")
  expect 'files of the image' './etc/ssl/certs/ca-certificates.crt ./licences/LICENSE-APACHE ./licences/LICENSE-MIT ./licences/THIRD-PARTY.txt ./tweetoscope' \
    "$(cd "$mounted" && find . -type f | sort | tr '\n' ' ' | sed 's/ $//')"
  expect 'owner of the log folder' 65532 "$(stat -c %u "$mounted/var/log/tweetoscope")"
  expect 'buildah run' "tweetoscope $version" "$(buildah "${options[@]}" run "$container" -- /tweetoscope --version)"
  # Read-only and without privileges, as it is deployed.
  mkdir "$work/image"
  mount --bind "$mounted" "$work/image"
  mount -o remount,bind,ro "$work/image"
  use image chroot --userspec=65532:65532 "$work/image" /tweetoscope
  local pipe=$work/pipe
  mkfifo "$pipe"
  chroot --userspec=65532:65532 "$work/image" /tweetoscope collect --http 127.0.0.1:19479 <"$pipe" >/dev/null 2>&1 &
  local collect=$! healthy=1
  exec 9>"$pipe"
  for _ in $(seq 50); do
    if chroot --userspec=65532:65532 "$work/image" /tweetoscope healthy 127.0.0.1:19479; then healthy=0; break; fi
    sleep 0.1
  done
  exec 9>&-
  wait $collect
  expect 'health check of the image' 0 $healthy
  umount "$work/image"
  buildah "${options[@]}" umount "$container" >/dev/null
  buildah "${options[@]}" rm "$container" >/dev/null
}

# The static program with a real broker: names are resolved, and topics that others compress with zstd are read.
step_kafka() {
  local program=target/$target/release/tweetoscope broker=$work/broker
  bash tests/install.sh
  bash tests/broker/broker.sh start "$broker" 19580 >/dev/null
  local brokers=localhost:19580
  (
    trap 'bash tests/broker/broker.sh stop "$broker" >/dev/null' EXIT
    bash tests/broker/broker.sh topics "$broker" create tweets 1 >/dev/null
    "$program" generate --history testdata/tideh.jsonl.gz | kcat -P -b $brokers -t tweets -p 0 -z zstd
    "$program" collect --kafka -b $brokers --create-topics --partitions 1 --windows 10m --terminated 1d --exit-eof
    kcat -C -b $brokers -t cascade_series -e -q | grep -c '"type":"serie"' >"$work/series"
  )
  expect 'series from a topic with zstd' 50 "$(cat "$work/series")"
}

step_dependencies() {
  deploy/package/dependencies.py check
  TARGET=$target deploy/package/dependencies.py unsafe --check
  if command -v cargo-deny >/dev/null; then
    # The advisories need the network; the pipelines check them.
    cargo deny --all-features --offline --config .deny.toml check bans licenses sources
  else
    echo 'skipped: cargo-deny is not installed'
  fi
  pass 'dependencies'
}

# The figures show what the program prints.
step_figures() {
  python3 docs/figures/draw.py --check "target/$target/release/tweetoscope"
  pass 'figures'
}

[ $# -gt 0 ] || set -- build same archive sbom deb wheel image kafka dependencies figures
for step in "$@"; do
  printf '\n== %s (after %d s)\n' "$step" "$SECONDS"
  "step_$step"
done
printf '\n%d passed, 0 failed\n' "$passed"
