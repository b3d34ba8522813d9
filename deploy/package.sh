#!/usr/bin/env bash
# Builds the packages of a release into target/package.
#
#   deploy/package.sh [PART...]
#
#   binary    the static program (target/TARGET/release/tweetoscope); built once and used by all other parts
#   archive   tar.gz with the program, man pages, completions, licences
#   sbom      CycloneDX bill of materials
#   deb       Debian package, with systemd units
#   wheel     Python wheel that carries the program
#   image     OCI image from scratch, as an archive (needs buildah)
#   sums      SHA256SUMS of the above
#   version   prints the version, alone
#
# Without a PART: all of them. The version is that of Cargo.toml. Two runs in the same folder with the same
# toolchain give the same bytes: times are those of the newest commit, or SOURCE_DATE_EPOCH.
#
#   TARGET      target of the build (default: that of the host); x86_64 or aarch64, Linux with glibc
#   REPOSITORY  address of the project in the metadata (default: repository in Cargo.toml)
set -euo pipefail
cd "$(dirname "$0")/.."

manifest() { sed -n "s/^$1 = \"\(.*\)\"/\1/p" Cargo.toml | head -1; }
version=$(manifest version)
description=$(manifest description)
export REPOSITORY=${REPOSITORY:-$(manifest repository)}
export TARGET=${TARGET:-$(rustc --print host-tuple)}
if [ -z "${SOURCE_DATE_EPOCH:-}" ]; then
  # A tree without history has the first day that every archive format can hold.
  SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || echo 315532800)
fi
export SOURCE_DATE_EPOCH
export LC_ALL=C TZ=UTC
umask 022

if [ "${1:-}" = version ]; then
  echo "$version"
  exit
fi

out=target/package
name=tweetoscope-$version-$TARGET
case $TARGET in
  x86_64-*-linux-gnu) debian=amd64 oci=amd64 machine=x86_64 ;;
  aarch64-*-linux-gnu) debian=arm64 oci=arm64 machine=aarch64 ;;
  *) echo "no packages for $TARGET: x86_64 and aarch64 Linux with glibc only" >&2; exit 2 ;;
esac
program=${CARGO_TARGET_DIR:-target}/$TARGET/release/tweetoscope

# On ARM, kernels have pages of 4 to 64 KiB: the allocator is built for the largest, and runs on all.
case $TARGET in aarch64-*) export JEMALLOC_SYS_WITH_LG_PAGE=16 ;; esac

# With an explicit target, build scripts and macros are not linked statically.
binary() {
  local cargo=${CARGO_HOME:-$HOME/.cargo}
  # OpenSSL stores the time of its build: a constant, so that a build from a cache has the same bytes.
  SOURCE_DATE_EPOCH=315532800 \
  RUSTFLAGS="-C target-feature=+crt-static -C strip=symbols --remap-path-prefix=$cargo/registry/src=/crates --remap-path-prefix=$PWD=/tweetoscope" \
    cargo build --release --locked --target "$TARGET"
  if ldd "$program" 2>/dev/null | grep -q '=>'; then
    echo "$program is not static" >&2
    exit 1
  fi
}

need_binary() { [ -x "$program" ] || binary; }

# Sets all times, so that archives do not depend on the moment.
settle() { find "$1" -print0 | xargs -0r touch -h -d "@$SOURCE_DATE_EPOCH"; }

third_party() {
  python3 deploy/package/dependencies.py licences >"$1"
}

archive() {
  need_binary
  local tree=target/packaging/$name
  rm -rf "$tree" && mkdir -p "$tree"
  install -m 755 "$program" "$tree/"
  cp -R --no-preserve=mode man completions "$tree/"
  cp --no-preserve=mode README.md LICENSE-APACHE LICENSE-MIT docs/CHANGELOG.md "$tree/"
  third_party "$tree/THIRD-PARTY.txt"
  settle "$tree"
  tar --sort=name --owner=0 --group=0 --numeric-owner --format=ustar -C target/packaging -cf - "$name" |
    gzip -9n >"$out/$name.tar.gz"
}

sbom() {
  python3 deploy/package/dependencies.py sbom >"$out/$name.cdx.json"
}

deb() {
  need_binary
  local tree=target/packaging/deb from=deploy/package/debian
  rm -rf "$tree" && mkdir -p "$tree/DEBIAN" "$tree/etc/tweetoscope"
  install -D -m 755 "$program" "$tree/usr/bin/tweetoscope"
  for page in man/*.1; do
    install -d "$tree/usr/share/man/man1"
    gzip -9nc "$page" >"$tree/usr/share/man/man1/${page##*/}.gz"
  done
  install -D -m 644 completions/tweetoscope.bash "$tree/usr/share/bash-completion/completions/tweetoscope"
  install -D -m 644 completions/_tweetoscope "$tree/usr/share/zsh/vendor-completions/_tweetoscope"
  install -D -m 644 completions/tweetoscope.fish "$tree/usr/share/fish/vendor_completions.d/tweetoscope.fish"
  install -D -m 644 -t "$tree/lib/systemd/system" deploy/systemd/*.service deploy/systemd/*.target
  install -m 644 deploy/systemd/*.env "$tree/etc/tweetoscope/"
  install -m 600 deploy/systemd/kafka.properties "$tree/etc/tweetoscope/"
  local doc=$tree/usr/share/doc/tweetoscope
  install -d "$doc"
  gzip -9nc docs/CHANGELOG.md >"$doc/changelog.gz"
  third_party target/packaging/THIRD-PARTY.txt
  gzip -9nc target/packaging/THIRD-PARTY.txt >"$doc/THIRD-PARTY.txt.gz"
  install -m 644 "$from/copyright" "$doc/copyright"
  printf 'tweetoscope (%s) unstable; urgency=low\n\n  * See changelog.gz.\n\n -- %s  %s\n' "$version" \
    'The tweetoscope authors <packages@example.org>' "$(date -R -u -d "@$SOURCE_DATE_EPOCH")" |
    gzip -9n >"$doc/changelog.Debian.gz"
  install -D -m 644 "$from/lintian-overrides" "$tree/usr/share/lintian/overrides/tweetoscope"
  (cd "$tree" && find etc -type f | sort | sed 's,^,/,') >"$tree/DEBIAN/conffiles"
  for script in postinst prerm postrm; do
    install -m 755 "$from/$script" "$tree/DEBIAN/$script"
  done
  local size
  size=$(find "$tree" -path "$tree/DEBIAN" -prune -o -type f -printf '%s\n' | awk '{ s += int(($1 + 1023) / 1024) } END { print s }')
  sed -e "s,@VERSION@,$version,; s,@ARCHITECTURE@,$debian,; s,@SIZE@,$size,; s,@REPOSITORY@,$REPOSITORY," \
    "$from/control" >"$tree/DEBIAN/control"
  (cd "$tree" && find . -path ./DEBIAN -prune -o -type f -print0 | sort -z | xargs -0 md5sum | sed 's,  \./,  ,') \
    >"$tree/DEBIAN/md5sums"
  settle "$tree"
  dpkg-deb --root-owner-group -Zxz --build "$tree" "$out/tweetoscope_${version}_$debian.deb"
}

wheel() {
  need_binary
  third_party target/packaging/THIRD-PARTY.txt
  python3 deploy/package/wheel.py "$program" "$version" "$machine" target/packaging/THIRD-PARTY.txt "$out"
}

image() {
  need_binary
  local context=target/packaging/image tag=localhost/tweetoscope:$version
  local options=(--root "$PWD/target/containers" --runroot "$PWD/target/containers-run")
  rm -rf "$context" && mkdir -p "$context/out/var/log/tweetoscope" "$context/etc/ssl/certs"
  install -m 755 "$program" "$context/out/tweetoscope"
  cp /etc/ssl/certs/ca-certificates.crt "$context/etc/ssl/certs/"
  third_party "$context/out/THIRD-PARTY.txt"
  cp LICENSE-APACHE LICENSE-MIT "$context/out/"
  settle "$context"
  # Works without an engine, without privileges of a container, and as root of a container.
  export STORAGE_DRIVER=${STORAGE_DRIVER:-vfs} BUILDAH_ISOLATION=${BUILDAH_ISOLATION:-chroot}
  buildah "${options[@]}" bud --format docker --timestamp "$SOURCE_DATE_EPOCH" --platform "linux/$oci" \
    --build-context "build=$context" --target runtime \
    --build-arg "VERSION=$version" --build-arg "REPOSITORY=$REPOSITORY" --build-arg "DESCRIPTION=$description" \
    --build-arg "REVISION=$(git rev-parse HEAD 2>/dev/null || echo unknown)" \
    -f deploy/container/Containerfile -t "$tag" "$context"
  rm -f "$out/$name.docker.tar"
  buildah "${options[@]}" push "$tag" "docker-archive:$out/$name.docker.tar:tweetoscope:$version"
  # The name that Docker loads; Podman and buildah load it as localhost/tweetoscope:VERSION.
  python3 deploy/package/image.py "$out/$name.docker.tar" "tweetoscope:$version"
  rm -rf "$context" target/containers target/containers-run
}

sums() {
  rm -f "$out/SHA256SUMS"
  (cd "$out" && find . -maxdepth 1 -type f -printf '%P\0' | sort -z | xargs -0 sha256sum) >target/package.sums
  mv target/package.sums "$out/SHA256SUMS"
}

mkdir -p "$out" target/packaging
[ $# -gt 0 ] || set -- binary archive sbom deb wheel image sums
for part in "$@"; do
  case $part in
    binary | archive | sbom | deb | wheel | image | sums) "$part" ;;
    *) echo "unknown part $part: binary archive sbom deb wheel image sums" >&2; exit 2 ;;
  esac
done
rm -rf target/packaging
(cd "$out" && find . -maxdepth 1 -type f -printf '%s\t%P\n' | sort -k2)
