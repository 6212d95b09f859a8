#!/bin/sh
# private-install.sh DIRECTORY [SOURCE]
#
# Copies the PostgreSQL installation into DIRECTORY and installs the extension
# there, from the source tree that is given or this one, so that nothing of the
# system is touched. Prints the copy's directory of programs. PostgreSQL finds
# its files relative to its programs, so that a copy with the same layout works.
set -eu

root=$1
pg_config=${PG_CONFIG:-pg_config}

for kind in bindir pkglibdir sharedir
do
	directory=$($pg_config --$kind)
	mkdir -p "$root$directory"
	cp -R "$directory/." "$root$directory/"
done
make -s -C "${2:-.}" install DESTDIR="$root" PG_CONFIG="$pg_config" with_llvm=no \
	>"$root/install.log" 2>&1 || { cat "$root/install.log" >&2; exit 1; }
echo "$root$($pg_config --bindir)"
