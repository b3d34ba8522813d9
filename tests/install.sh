#!/usr/bin/env bash
# Installs the Debian packages that the tests use: Java and Maven for a real Kafka broker, kcat to look at
# topics, qemu-user for processors without AVX, OpenSSL. Only as root and where apt-get is; elsewhere it names what
# is missing.
set -euo pipefail

missing=()
need() { command -v "$1" >/dev/null 2>&1 || missing+=("$2"); }
need cc build-essential
need perl perl
need java openjdk-17-jre-headless
need mvn maven
need kcat kcat
need qemu-x86_64 qemu-user
need pkg-config pkg-config
[ -e /usr/include/openssl/ssl.h ] || missing+=(libssl-dev)

[ ${#missing[@]} -gt 0 ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
else
  echo "not installed, so the tests that need them are skipped: ${missing[*]}"
fi
