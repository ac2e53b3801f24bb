# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What the scripts share: installing what is missing, building, a private Redis. Source it; it does nothing by itself.
# All functions print to standard error, and end the script where they fail.

weir_root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)

say() {
    printf '%s\n' "$*" >&2
}

die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# ---- packages ----

# All that building and testing needs, by Debian's names; a|b: b where the distribution has no a.
# shellcheck disable=SC2034  # for those who source this
weir_packages=(meson ninja-build pkg-config gcc libc6-dev libhiredis-dev 'libmsgpack-dev|libmsgpack-c-dev' libssl-dev libevent-dev
    libjansson-dev libcmocka-dev libclang-dev redis-server redis-tools python3)

# shellcheck disable=SC2034
weir_test_packages=(g++ make chromium chromium-driver clang groff-base valgrind libgps-dev libmosquitto-dev libpcap-dev
    libpq-dev libsystemd-dev libusb-1.0-0-dev locales man-db mandoc openssl prometheus python3-jsonschema
    python3-venv systemd zlib1g-dev)

# For scripts/package.
# shellcheck disable=SC2034
weir_package_packages=(debhelper dpkg-dev fakeroot libsystemd-dev lintian)

# have PACKAGE: whether what the package is for is there, wherever it came from.
have() {
    case $1 in
    ninja-build) command -v ninja ;;
    gcc) command -v cc ;;
    libc6-dev) echo '#include <stdio.h>' | cc -E - ;;
    libhiredis-dev) pkg-config --exists hiredis ;;
    libmsgpack-dev*) pkg-config --exists msgpack-c || pkg-config --exists msgpack ;;
    libssl-dev) pkg-config --exists openssl ;;
    libevent-dev) pkg-config --exists libevent_core libevent ;;
    libjansson-dev) pkg-config --exists jansson ;;
    libclang-dev) python3 "$weir_root/codegen/find_libclang.py" ;;
    libcmocka-dev) pkg-config --exists cmocka ;;
    chromium-driver) command -v chromedriver ;;
    groff-base) command -v groff ;;
    man-db) command -v man ;;
    python3-jsonschema) /usr/bin/python3 -c 'import jsonschema' || python3 -c 'import jsonschema' ;;
    prometheus) command -v promtool ;;
    redis-tools) command -v redis-cli ;;
    systemd) command -v systemd-analyze ;;
    golang-go) command -v go ;;
    nodejs) command -v node ;;
    python3-venv) python3 -c 'import ensurepip, venv' ;;
    ruby-sidekiq) ruby -e 'require "sidekiq"' ;;
    ruby-hiredis) ruby -e 'require "hiredis"' ;;
    *) command -v "$1" || dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed ;;
    esac >/dev/null 2>&1
}

# as_root COMMAND…
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

# quietly COMMAND…: shows what it printed only where it fails.
quietly() {
    local output
    if ! output=$("$@" 2>&1); then
        printf '%s\n' "$output" >&2
        die "failed: $*"
    fi
}

# without_services COMMAND…: installing redis-server must not start a server on its usual port.
without_services() {
    local policy=/usr/sbin/policy-rc.d
    if [ -e "$policy" ]; then
        "$@"
        return
    fi
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod +x "$policy"
    local status=0
    ("$@") || status=$?
    as_root rm -f "$policy"
    return "$status"
}

# install_missing PACKAGE…: asks apt-get for those that aren't there, and does nothing where all are.
install_missing() {
    local package missing=()
    for package in "$@"; do
        have "$package" || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0

    command -v apt-get >/dev/null || die "missing (by Debian's names), please install: ${missing[*]}"
    [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null ||
        die "missing, and neither root nor sudo to install it with: ${missing[*]}"

    say "apt-get update"
    quietly as_root apt-get update -q
    local names=()
    for package in "${missing[@]}"; do
        if [ "$package" != "${package#*|}" ] && ! apt-cache show "${package%%|*}" >/dev/null 2>&1; then
            names+=("${package#*|}")
        else
            names+=("${package%%|*}")
        fi
    done
    say "apt-get install ${names[*]}"
    quietly without_services as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -q -y -o DPkg::Lock::Timeout=120 --no-install-recommends "${names[@]}"
}

# find_schemathesis: sets WEIR_SCHEMATHESIS to the program that tries docs/openapi.yaml out, which pip installs into
# build-tools/ where it isn't there. Where that can't be done it says so, and the test that needs it is skipped.
find_schemathesis() {
    local venv=$weir_root/build-tools/schemathesis
    if command -v schemathesis >/dev/null; then
        return
    fi
    if [ ! -x "$venv/bin/schemathesis" ]; then
        say "pip install schemathesis"
        if ! python3 -m venv "$venv" >/dev/null 2>&1 || ! "$venv/bin/pip" install -q 'schemathesis>=4,<5' >/dev/null 2>&1; then
            say "schemathesis can't be installed here: docs/openapi.yaml is not tried out"
            return
        fi
    fi
    export WEIR_SCHEMATHESIS=$venv/bin/schemathesis
}

# ---- building ----

# build_weir DIR [TARGET…]: a release build in DIR, which may exist; all targets where none is named.
build_weir() {
    local build=$1
    shift
    if [ ! -f "$build/build.ninja" ]; then
        quietly meson setup "$build" "$weir_root" --buildtype=release
    fi
    quietly ninja -C "$build" "$@"
}

# ---- Redis ----

# start_redis DIR [OPTION…]: a private server on a unix socket in DIR, without persistence where no option says
# otherwise; sets redis_pid and redis_url. stop_redis ends it.
start_redis() {
    local dir=$1 tries
    shift
    [ ${#dir} -lt 90 ] || die "the path of a unix socket is limited: choose a shorter TMPDIR than ${dir%/*}"
    redis-server --port 0 --unixsocket "$dir/redis.sock" --dir "$dir" --save '' --appendonly no "$@" \
        >"$dir/redis.log" 2>&1 &
    redis_pid=$!
    redis_url=unix://$dir/redis.sock
    for ((tries = 0; tries < 200; tries++)); do
        if [ "$(redis_cli "$redis_url" PING 2>/dev/null)" = PONG ]; then
            return 0
        fi
        kill -0 "$redis_pid" 2>/dev/null || break
        sleep 0.05
    done
    cat "$dir/redis.log" >&2
    die "redis-server did not start"
}

stop_redis() {
    if [ -n "${redis_pid:-}" ]; then
        kill "$redis_pid" 2>/dev/null || true
        wait "$redis_pid" 2>/dev/null || true
        redis_pid=
    fi
}

# The text with its %XX turned into bytes.
unescape() {
    local escaped=${1//\\/\\\\}
    printf '%b' "${escaped//%/\\x}"
}

# redis_cli URL COMMAND…: redis-cli for a URL of weir. The password goes through the environment, not the command line.
redis_cli() {
    local url=$1 rest login='' user='' password='' options=()
    shift
    rest=${url#*://}
    if [[ $url == unix://* && $rest != /* ]] || [[ $url != unix://* && $rest == *@* ]]; then
        login=${rest%@*}
        rest=${rest##*@}
        user=$(unescape "${login%%:*}")
        password=$(unescape "${login#*:}")
    fi
    if [[ $url == unix://* ]]; then
        options=(-s "$(unescape "${rest%%\?*}")")
        [[ $rest != *\?db=* ]] || options+=(-n "${rest##*\?db=}")
    else
        options=(-u "${url%%://*}://$rest")
    fi
    [ -z "$user" ] || options+=(--user "$user")
    if [ -n "$password" ]; then
        REDISCLI_AUTH=$password redis-cli "${options[@]}" "$@"
    else
        redis-cli "${options[@]}" "$@"
    fi
}
