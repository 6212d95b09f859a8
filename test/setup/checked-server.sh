#!/bin/sh
# checked-server.sh
#
# Prints the pg_config of a PostgreSQL that finds mistakes with memory: with
# assertions, under AddressSanitizer and UBSan, its memory contexts known to
# ASan (asan/valgrind/memcheck.h). It is built once per machine, from the
# distribution's source package of the same major version, into a cache. If that
# cannot be had, says why in a line and fails.
set -eu

# What it builds runs already while it builds; programs need not free what they
# have.
ASAN_OPTIONS=detect_leaks=0
export ASAN_OPTIONS

cd "$(dirname "$0")"
major=$(${PG_CONFIG:-pg_config} --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
compiler=$(${PG_CONFIG:-pg_config} --cc)
flags="-g1 -O1 -fno-omit-frame-pointer -fsanitize=address,undefined \
	-fno-sanitize-recover=undefined -Wno-maybe-uninitialized"
cache=${XDG_CACHE_HOME:-${HOME:?}/.cache}/teams_proactive
key=$({ cat checked-server.sh asan/valgrind/*.h; $compiler --version; } |
	cksum | tr -c '0-9\n' -)

cached()
{
	for prefix in "$cache/postgresql-$major".*-"$key"
	do
		[ -e "$prefix/complete" ] || continue
		echo "$prefix/bin/pg_config"
		exit 0
	done
}

give_up()
{
	echo "No server with assertions: $1" >&2
	exit 1
}

cached
command -v apt-get >/dev/null || give_up "there is no apt-get to get its source."
mkdir -p "$cache"
work=$(mktemp -d "$cache/build.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
exec 9>"$cache/lock"
flock 9
cached

# apt with the configured archives, but for source packages, and with lists of
# its own: nothing of the system's is touched, and no rights are needed.
for file in /etc/apt/sources.list /etc/apt/sources.list.d/*
do
	[ -f "$file" ] || continue
	mkdir -p "$work/apt"
	case $file in
		*.sources) sed 's/^Types:.*/Types: deb-src/' "$file" ;;
		*.list) sed -n 's/^deb\(-src\)\{0,1\}[[:space:]]/deb-src /p' "$file" ;;
		*) continue ;;
	esac >"$work/apt/$(basename "$file")"
done
mkdir -p "$work/lists/partial" "$work/archives/partial" "$work/source"
cat >"$work/apt.conf" <<END
Dir::Etc::SourceList "/dev/null";
Dir::Etc::SourceParts "$work/apt";
Dir::State::Lists "$work/lists";
Dir::Cache "$work";
APT::Sandbox::User "$(id -un)";
END
export APT_CONFIG="$work/apt.conf"

# Some archives have no sources, and one may list what it does not have.
log=$work/log
apt-get update >"$log" 2>&1 || true
versions=$(apt-cache showsrc --only-source "postgresql-$major" 2>>"$log" |
	sed -n 's/^Version: //p')
for version in $versions
do
	(cd "$work/source" && apt-get source --download-only \
		"postgresql-$major=$version") >>"$log" 2>&1 && break
done
archive=$(ls "$work"/source/*.orig.tar.* 2>/dev/null | grep -v '\.asc$' || true)
[ -n "$archive" ] || give_up "apt has no source of postgresql-$major."
mkdir "$work/postgresql"
tar xf "$archive" -C "$work/postgresql" --strip-components=1 2>>"$log" ||
	give_up "$(tail -n 1 "$log")"

# What it finds of its own relatives, and not of the system's, wherever it is
# copied to.
rpath='rpathdir=$$ORIGIN/../lib'
full=$(sed -n "s/^PACKAGE_VERSION='\(.*\)'/\1/p" "$work/postgresql/configure")
prefix=$cache/postgresql-$full-$key
echo "# building PostgreSQL $full with assertions and sanitizers, once" >&2
build()
{
	cd "$work/postgresql"
	# shellcheck disable=SC2086
	./configure -q --prefix="$prefix" --enable-cassert --enable-debug \
		--enable-tap-tests --with-icu --without-readline --without-zlib \
		CC="$compiler" CFLAGS="$(echo $flags)" \
		CPPFLAGS="-DUSE_VALGRIND -I$prefix/include/asan"
	make -s -j"$(nproc)" -C src/backend generated-headers
	make -s -j"$(nproc)" "$rpath"
	make -s "$rpath" install
}
rm -rf "$prefix"
mkdir -p "$prefix/include"
cp -R asan "$prefix/include/"
if ! (build) >"$log" 2>&1
then
	rm -rf "$prefix"
	tail -n 20 "$log" >&2
	give_up "it could not be built."
fi
touch "$prefix/complete"
echo "$prefix/bin/pg_config"
