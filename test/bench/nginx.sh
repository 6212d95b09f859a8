#!/bin/sh
# nginx.sh DIRECTORY
#
# Puts Debian's nginx and its module "echo" into DIRECTORY, without installing
# them: the package would start a server of its own.  Prints the path of the
# program; the module is beside it.
set -eu

directory=$1
module=/usr/lib/nginx/modules/ngx_http_echo_module.so
mkdir -p "$directory"
cd "$directory"
if [ -x /usr/sbin/nginx ] && [ -f $module ]
then
	cp /usr/sbin/nginx $module .
else
	chmod 777 .
	download()
	{
		apt-get -q download nginx libnginx-mod-http-echo >download.log 2>&1
	}
	if ! download
	then
		[ "$(id -u)" -ne 0 ] || apt-get -q update >update.log 2>&1 || true
		download || { cat download.log >&2; exit 1; }
	fi
	for package in ./*.deb
	do
		dpkg-deb -x "$package" unpacked
	done
	cp unpacked/usr/sbin/nginx "unpacked$module" .
	chmod 755 .
fi
echo "$directory/nginx"
