#!/bin/sh
# install.sh DIRECTORY
#
# Installs the peers that npm has into DIRECTORY.
set -eu

directory=$1
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$directory"
command -v npm >/dev/null ||
{
	echo 'there is no npm to install it with' >"$directory/missing"
	exit 0
}
cp "$here"/*.js "$directory/"
cd "$directory"
npm install --no-audit --no-fund --ignore-scripts --prefix "$directory" \
	botframework-connector@4 graphile-worker@0 >install.log 2>&1 ||
	echo 'npm cannot install it; is there a network?' >"$directory/missing"
