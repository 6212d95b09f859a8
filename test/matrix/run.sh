#!/bin/sh
# Builds and tests the extension from bare on several releases of Debian, one
# after the other, and prints a table of what came of it.
#
#   make matrix                                     all of them
#   make matrix RELEASES="trixie forky"             some
#
# A release is a name of Debian's, and with "+assertions" make test SANITIZE=1 is
# run there, with a server that is built with assertions from the release's
# source package.  The packages come from the mirrors that this machine's apt
# uses, as far as they serve the release.  It runs in a chroot that is copied
# from one made by debootstrap, and in namespaces of its own: its processes and
# mounts end with it whatever happens, and while it tests there is no network
# but the loopback device.  It needs root and a Debian (MATRIX_MIRROR and
# MATRIX_SECURITY_MIRROR name mirrors where apt knows none).
#
# MATRIX_DIR keeps the bare chroots, downloaded packages, and logs; by default a
# directory of the user's cache.
set -eu

cd "$(dirname "$0")/../.."
releases=${RELEASES:-bullseye bookworm bookworm+assertions trixie forky forky+assertions}
cache=${MATRIX_DIR:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/teams_proactive/matrix}

if [ "$(id -u)" -ne 0 ]
then
	echo "make matrix needs root, for chroots." >&2
	exit 1
fi
mkdir -p "$cache/bare" "$cache/packages" "$cache/log" "$cache/run"
exec 9>"$cache/lock"
if ! flock -n 9
then
	echo "Another run uses $cache." >&2
	exit 1
fi

# What runs in the namespaces ends with its first process.  Outside of them
# nothing is mounted in a chroot, also if the last run was killed.
child=
clean_up()
{
	[ -z "$child" ] || kill -KILL "$child" 2>/dev/null || true
	wait
	rm -rf "$cache/run"
}
trap clean_up EXIT
trap 'exit 130' INT TERM
rm -rf "$cache/run"

need=
command -v debootstrap >/dev/null || need="$need debootstrap"
command -v ip >/dev/null || need="$need iproute2"
if [ -n "$need" ]
then
	echo "Installing packages:$need"
	apt-get update -qq
	# shellcheck disable=SC2086
	DEBIAN_FRONTEND=noninteractive apt-get install -qq -y \
		--no-install-recommends $need >/dev/null
fi

# The address from which apt has the packages with that label.
mirror_of()
{
	apt-get indextargets --format '$(LABEL)|$(COMPONENT)|$(SUITE)|$(REPO_URI)' \
		'Created-By: Packages' 'Origin: Debian' |
		sed -n "s/^$1|main|[^|]*|//p" | head -n 1
}
mirror=${MATRIX_MIRROR:-$(mirror_of Debian)}
security=${MATRIX_SECURITY_MIRROR:-$(mirror_of Debian-Security)}
if [ -z "$mirror" ]
then
	echo "apt knows no mirror of Debian here: run apt-get update, or set MATRIX_MIRROR." >&2
	exit 1
fi

# A bare system of that release, made once.
make_bare()
{
	bare=$cache/bare/$1
	[ -d "$bare" ] && return 0
	script=/usr/share/debootstrap/scripts/$1
	[ -e "$script" ] || script=/usr/share/debootstrap/scripts/sid
	include=
	case $mirror in https:*) include=--include=ca-certificates ;; esac
	rm -rf "$bare.new"
	# shellcheck disable=SC2086
	debootstrap --variant=minbase $include "$1" "$bare.new" "$mirror" "$script" ||
		return 1
	mv "$bare.new" "$bare"
}

# A copy of it, with the tree as it is here, without what was built.
make_chroot()
{
	rm -rf "$root"
	mkdir -p "$cache/run"
	cp -a "$cache/bare/$1" "$root"
	mkdir -p "$root/source" "$root/packages" "$cache/packages/$1/partial"
	if [ -d .git ] || [ -f .git ]
	then
		git ls-files -z --cached --others --exclude-standard |
			tar --null --files-from=- -cf -
	else
		tar --exclude='*.o' --exclude='*.so' --exclude='*.bc' -cf - .
	fi | tar -C "$root/source" -xf -
	cp test/matrix/inside.sh "$root/root/inside.sh"
	cp /etc/resolv.conf "$root/etc/resolv.conf"
	apt-config dump 2>/dev/null | grep -i '^Acquire::https\?::Proxy' \
		>"$root/etc/apt/apt.conf.d/01proxy" || true
}

# within STEP NAMESPACES...: a step of inside.sh, alone with its processes.
within()
{
	step=$1
	shift
	unshare --mount --pid --fork --kill-child "$@" sh -eu -c '
		root=$1 packages=$2
		ip link set lo up 2>/dev/null || true
		mount -t proc proc "$root/proc"
		mkdir -p "$root/dev/shm" "$root/dev/pts"
		mount -t tmpfs tmpfs "$root/dev/shm"
		mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
		mount --bind "$packages" "$root/packages"
		shift 2
		exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \
			HOME=/root LANG=C.UTF-8 "$@"' sh \
		"$root" "$cache/packages/$release" JOBS="${JOBS:-2}" \
		ASSERTIONS="$assertions" http_proxy="${http_proxy:-}" \
		https_proxy="${https_proxy:-}" \
		sh /root/inside.sh "$step" "$release" "$mirror" "$security" 9>&- &
	child=$!
	status=0
	wait "$child" || status=$?
	child=
	return $status
}

# The last number that the log has after a word, or a dash.
number()
{
	found=$(sed -n "s/$1/\\1/p" "$2" | tail -n 1)
	echo "${found:--}"
}

# One line of the table from a log.
row()
{
	unit=$(sed '/^# pg_regress/,$d' "$2" >"$2.unit"; number '^Files=.*Tests=\([0-9]*\),.*' "$2.unit")
	tap=$(sed '1,/^# TAP tests/d' "$2" >"$2.tap"; number '^Files=.*Tests=\([0-9]*\),.*' "$2.tap")
	regress=$(number '^[# ]*All \([0-9]*\) tests passed.*' "$2")
	rm -f "$2.unit" "$2.tap"
	printf '%-19s | %-10s | %-8s | %-8s | %-22s | %5s s | %s\n' "$1" \
		"$(number '^matrix: postgresql \(.*\)' "$2")" \
		"$(number '^matrix: libcurl \(.*\)' "$2")" \
		"$(number '^matrix: gcc \(.*\)' "$2")" \
		"$unit / $regress / $tap" "$3" "$4"
}

table=$(mktemp)
failed=0
for name in $releases
do
	release=${name%+assertions}
	assertions=
	[ "$release" = "$name" ] || assertions=yes
	root=$cache/run/$name
	log=$cache/log/$name.log
	echo "# $name (log: $log)"
	: >"$log"
	began=$(date +%s)
	outcome=passed
	make_bare "$release" >>"$log" 2>&1 || outcome='no bare system'
	if [ "$outcome" = passed ]
	then
		make_chroot "$release"
		within install >>"$log" 2>&1 || outcome='packages missing'
	fi
	if [ "$outcome" = passed ]
	then
		within test --net >>"$log" 2>&1 || outcome=FAILED
	fi
	if [ "$outcome" != passed ]
	then
		failed=1
		tail -n 40 "$log"
		rm -rf "$log.servers"
		cp -R "$root/home/ada/teams proactive/test/log" "$log.servers" \
			2>/dev/null || true
	fi
	row "$name" "$log" "$(($(date +%s) - began))" "$outcome" | tee -a "$table"
	rm -rf "$root"
done

echo
printf '%-19s | %-10s | %-8s | %-8s | %-22s | %7s | %s\n' \
	system PostgreSQL libcurl gcc 'unit / regress / TAP' time result
cat "$table"
rm -f "$table"
exit $failed
