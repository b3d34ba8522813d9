#!/usr/bin/env bash
# Installs what tests/release.sh needs beyond a Rust toolchain, on Debian as root: Debian's checkers and a builder of
# images, and checkers from PyPI in an environment of their own beside the build. Installs only what is missing.
set -euo pipefail
cd "$(dirname "$0")/../.."

missing=()
need() { command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ] || missing+=("$2"); }
need lintian lintian
need buildah buildah
need debootstrap debootstrap
need perl perl
[ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || missing+=(debian-archive-keyring)
python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
if [ ${#missing[@]} -gt 0 ]; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi
[ "${SYSTEM_ONLY:-}" != true ] || exit 0

tools=target/release-tools
if ! [ -x $tools/bin/twine ]; then
  python3 -m venv $tools
  $tools/bin/pip install --quiet --disable-pip-version-check \
    'cyclonedx-python-lib[json-validation]==11.12.0' twine==7.0.0 auditwheel==6.8.2
fi
