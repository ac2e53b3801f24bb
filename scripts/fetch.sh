# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Packages of other Debian releases, in folders of their own: nothing is installed, and no root is needed. Source it
# after lib.sh. The mirror is the one that apt is set up with.

# debian_mirror: its URL, as apt knows it.
debian_mirror() {
    local mirror
    # shellcheck disable=SC2016  # apt's variables
    mirror=$(apt-get indextargets --format '$(ORIGIN) $(LABEL) $(REPO_URI)' 'Created-By: Packages' |
        sed -n 's/^Debian Debian //p' | head -n 1)
    [ -n "$mirror" ] || die "apt knows no mirror of Debian (has 'apt-get update' been run?)"
    printf '%s\n' "$mirror"
}

# apt_apart DIR SUITE COMMAND [ARGUMENT…]: apt-get or apt-cache with the lists of that suite, kept in DIR/apt-SUITE, and
# knowing nothing of what is installed here.
apt_apart() {
    local dir=$1/apt-$2 suite=$2 command=$3 keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    shift 3
    [ -r "$keyring" ] || die "missing: the package debian-archive-keyring"
    if [ ! -f "$dir/sources.list" ]; then
        mkdir -p "$dir/state/lists/partial" "$dir/cache/archives/partial"
        : >"$dir/status"
        printf 'deb [signed-by=%s] %s %s main\n' "$keyring" "$(debian_mirror)" "$suite" >"$dir/sources.list"
    fi
    "$command" -q -o Dir::Etc::SourceList="$dir/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::Etc::PreferencesParts=/dev/null -o Dir::State="$dir/state" -o Dir::State::status="$dir/status" \
        -o Dir::Cache="$dir/cache" -o APT::Sandbox::User="$(id -un)" -o Acquire::Languages=none "$@"
}

# fetch_debian DIR SUITE NAME PACKAGE…: these packages, and the libraries that they need, unpacked in DIR/NAME. Does
# nothing where that is there already.
fetch_debian() {
    local dir suite=$2 name=$3 package packages
    dir=$(realpath -m "$1")
    shift 3
    [ ! -d "$dir/$name" ] || return 0
    mkdir -p "$dir/$name.debs" "$dir/$name.new"
    quietly apt_apart "$dir" "$suite" apt-get update
    packages=$(apt_apart "$dir" "$suite" apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts \
        --no-breaks --no-replaces --no-enhances "$@" | grep -E '^lib[a-z0-9.+-]+$' | sort -u)
    # of alternatives that aren't there, and of names that others provide, there is nothing to fetch
    # shellcheck disable=SC2086  # one name a word
    packages=$(apt_apart "$dir" "$suite" apt-cache show --no-all-versions $packages 2>/dev/null |
        sed -n 's/^Package: //p' | sort -u || true)
    (
        cd "$dir/$name.debs" || exit
        # shellcheck disable=SC2086
        quietly apt_apart "$dir" "$suite" apt-get download "$@" $packages
    )
    for package in "$dir/$name.debs"/*.deb; do
        quietly dpkg-deb -x "$package" "$dir/$name.new"
    done
    rm -rf "$dir/$name.debs"
    mv "$dir/$name.new" "$dir/$name"
}

# fetch_hiredis DIR: the hiredis of Debian's current release (1.2 or later), in DIR/hiredis; sets hiredis_pkgconfig, the
# folder for PKG_CONFIG_PATH, and hiredis_libs, the one for LD_LIBRARY_PATH.
fetch_hiredis() {
    local root
    root=$(realpath -m "$1")/hiredis
    fetch_debian "$1" stable hiredis libhiredis-dev
    hiredis_pkgconfig=$(dirname "$(find "$root" -name hiredis.pc)")
    hiredis_libs=$root/lib
    if [ ! -d "$hiredis_libs" ]; then # those alone: the C library beside them is not for programs of this machine
        mkdir "$hiredis_libs.new"
        find "$root/usr" -name 'libhiredis*.so*' -exec cp -P {} "$hiredis_libs.new/" \;
        sed -i -e "s|^prefix=.*|prefix=$root/usr|" -e "s|^libdir=.*|libdir=$hiredis_libs|" \
            -e "s|=/usr/include|=$root/usr/include|" "$hiredis_pkgconfig"/hiredis*.pc
        mv "$hiredis_libs.new" "$hiredis_libs"
    fi
}
