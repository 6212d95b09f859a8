#!/bin/sh
# packages.sh [fuzz | server | lint | picture]
#
# Installs what building, testing and the demo need, on Debian and Ubuntu; with
# "fuzz" also clang and its libFuzzer, and what the examples' tests need, with
# "server" what a server is built with, with "lint" what looks at the sources,
# with "picture" what draws the pictures of the documents.
# Does nothing, and asks for no rights, where it is all there.
set -eu

purpose=${1:-}
need=
missing()
{
	need="$need $*"
}

# The headers of the server and the programs of the tests come together, but not
# always with pg_config.
version=$(pg_config --version 2>/dev/null | sed 's/[^0-9]*\([0-9]*\).*/\1/') || true
if [ -z "$version" ]
then
	missing postgresql-server-dev-all
elif ! [ -f "$(pg_config --includedir-server)/postgres.h" ] ||
	! [ -f "$(pg_config --pgxs)" ]
then
	missing "postgresql-server-dev-$version"
fi

command -v make >/dev/null || missing make
command -v cc >/dev/null || missing gcc
command -v curl-config >/dev/null || missing libcurl4-openssl-dev
command -v pkg-config >/dev/null || missing pkg-config
command -v prove >/dev/null || missing perl
command -v openssl >/dev/null || missing openssl
command -v pkill >/dev/null || missing procps
for file in openssl/evp.h microhttpd.h jansson.h
do
	echo "#include <$file>" | cc -E - >/dev/null 2>&1 && continue
	case $file in
		openssl/evp.h) missing libssl-dev ;;
		microhttpd.h) missing libmicrohttpd-dev ;;
		jansson.h) missing libjansson-dev ;;
	esac
done
perl -MIPC::Run -e 1 2>/dev/null || missing libipc-run-perl
case $purpose in
	fuzz|lint) command -v clang >/dev/null || missing clang ;;
esac
# An example is in Python, which Debian has in /usr/bin.
[ "$purpose" != fuzz ] || /usr/bin/python3 -c 'import psycopg2' 2>/dev/null ||
	missing python3-psycopg2
[ "$purpose" != lint ] || command -v cppcheck >/dev/null || missing cppcheck
if [ "$purpose" = picture ]
then
	command -v chromium >/dev/null || missing chromium fonts-liberation
	command -v npm >/dev/null || missing npm
	command -v tmux >/dev/null || missing tmux
fi
if [ "$purpose" = server ]
then
	command -v bison >/dev/null || missing bison
	command -v flex >/dev/null || missing flex
	command -v bzip2 >/dev/null || missing bzip2
	pkg-config --exists icu-uc icu-i18n 2>/dev/null || missing libicu-dev
fi

# It comes in a package of its own, which must be of clang's version.
fuzzer_missing()
{
	[ "$purpose" = fuzz ] || return 1
	! ls "$(clang -print-resource-dir)"/lib/*/libclang_rt.fuzzer*.a \
		>/dev/null 2>&1
}

# Debian makes a cluster of its own with the server unless told not to; the
# tests and the demo bring theirs.
server_missing()
{
	! [ -x "$(pg_config --bindir 2>/dev/null)/postgres" ]
}
[ -n "$need" ] || server_missing || fuzzer_missing || exit 0

if [ "$(id -u)" -eq 0 ]
then
	sudo=
elif command -v sudo >/dev/null
then
	sudo=sudo
else
	echo "These packages are missing, and installing them needs root:$need" >&2
	exit 1
fi
export DEBIAN_FRONTEND=noninteractive
echo "Installing packages:$need (and what belongs to them)"
log=$(mktemp)
install_packages()
{
	if ! $sudo apt-get install -y --no-install-recommends "$@" >"$log" 2>&1
	then
		cat "$log" >&2
		exit 1
	fi
}
$sudo apt-get update >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
if [ ! -e /etc/postgresql-common/createcluster.conf ]
then
	install_packages postgresql-common
	$sudo sed -i 's/^#\?create_main_cluster.*/create_main_cluster = false/' \
		/etc/postgresql-common/createcluster.conf
fi
# shellcheck disable=SC2086
install_packages $need
if server_missing
then
	version=$(pg_config --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
	install_packages "postgresql-$version"
fi
if fuzzer_missing
then
	version=$(clang -dumpversion | sed 's/\..*//')
	if apt-cache show "libclang-rt-$version-dev" >/dev/null 2>&1
	then
		install_packages "libclang-rt-$version-dev"
	else
		install_packages "libclang-common-$version-dev"
	fi
fi
rm -f "$log"
