#!/bin/sh
# Installs the Debian packages that podo's nodes need, where they are missing and this is root on a Debian.
# Without them the API, the controllers and simulated nodes still work: then this only says so.
set -u
PACKAGES="python3-venv containerd runc containernetworking-plugins nftables conntrack busybox-static iproute2 curl openssl"
missing=""
for package in $PACKAGES; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q "ok installed" || missing="$missing $package"
done
[ -z "$missing" ] && exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "not installed (needs root on Debian):$missing; nodes will be simulated"
    exit 0
fi
echo "installing Debian packages:$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq || exit 1
# shellcheck disable=SC2086  # a list of words
apt-get install -y -qq --no-install-recommends $missing >/dev/null || exit 1
