#!/bin/sh
# inside.sh STEP RELEASE MIRROR SECURITY
#
# What make matrix does in a chroot, as root.  "install" brings the packages,
# as the README says to do on a bare machine; "test" runs make test as an
# ordinary user; with ASSERTIONS set, make test SANITIZE=1, with a server that is
# built with assertions.
set -eu

step=$1 release=$2 mirror=$3 security=$4
user=ada.lovelace
tree='/home/ada/teams proactive'
cache=/packages/cache
export DEBIAN_FRONTEND=noninteractive

as_user()
{
	runuser -u "$user" -- env HOME=/home/ada XDG_CACHE_HOME="$cache" "$@"
}

# Keep a source of packages if it is there; old releases lose some.
add_suite()
{
	list=/etc/apt/sources.list.d/$2.list
	printf '%s\n' "deb $1 $2 main" "deb-src $1 $2 main" >"$list"
	if ! apt-get update -qq -o Dir::Etc::sourcelist="$list" \
		-o Dir::Etc::sourceparts=- -o APT::Get::List-Cleanup=0 \
		-o APT::Update::Error-Mode=any 2>&1
	then
		echo "matrix: $2 is not served"
		rm "$list"
	fi
}

# As the README begins.
bring_packages()
{
	apt-get install -y --no-install-recommends make &&
		test/setup/packages.sh fuzz &&
		{ [ -z "$ASSERTIONS" ] || test/setup/packages.sh server; }
}

install()
{
	# What was downloaded serves the next run; a mirror may be behind.
	printf '%s\n' 'Acquire::Check-Valid-Until "false";' \
		'Dir::Cache::archives "/packages";' \
		'APT::Sandbox::User "root";' \
		'APT::Keep-Downloaded-Packages "true";' >/etc/apt/apt.conf.d/02matrix
	echo force-unsafe-io >/etc/dpkg/dpkg.cfg.d/02matrix
	rm -f /etc/apt/sources.list
	add_suite "$mirror" "$release"
	add_suite "$mirror" "$release-updates"
	[ -z "$security" ] || add_suite "$security" "$release-security"
	apt-get update -qq

	# For an old release the mirror may list what it does not have any more.
	cd /source
	if ! bring_packages
	then
		echo "matrix: without $release-security"
		rm -f "/etc/apt/sources.list.d/$release-security.list"
		apt-get update -qq
		bring_packages
	fi

	# A name that has to be quoted in SQL, and a directory that has to be in a
	# shell.
	useradd --create-home --home-dir /home/ada --badname "$user" 2>/dev/null ||
		useradd --create-home --home-dir /home/ada "$user"
	mv /source "$tree"
	mkdir -p "$cache"
	chown -R "$user" /home/ada "$cache"
	cd "$tree"
	[ -z "$ASSERTIONS" ] || as_user test/setup/checked-server.sh
}

run_tests()
{
	cd "$tree"
	echo "matrix: postgresql $(pg_config --version | sed 's/^PostgreSQL \([^ ]*\).*/\1/')"
	echo "matrix: libcurl $(curl-config --version | sed 's/^libcurl //')"
	echo "matrix: gcc $(cc -dumpfullversion)"
	as_user make test SANITIZE="${ASSERTIONS:+1}"
}

case $step in
	install) install ;;
	test) run_tests ;;
esac
