#!/bin/sh
# Checks that no function of src/ is named as one of C or POSIX: where a header
# brings that one along, which differs from version to version, the module would
# not compile.
set -eu
cd "$(dirname "$0")/../src"

program=$(mktemp)
trap 'rm -f "$program"' EXIT
{
	echo '#define _GNU_SOURCE'
	for header in aio arpa/inet assert complex ctype dirent dlfcn errno fcntl \
		fenv float fmtmsg fnmatch ftw glob grp iconv inttypes langinfo \
		libgen limits locale math monetary net/if netdb netinet/in \
		netinet/tcp nl_types poll pthread pwd regex sched search semaphore \
		setjmp signal spawn stdarg stdio stdlib string strings sys/ipc \
		sys/mman sys/msg sys/resource sys/select sys/sem sys/shm \
		sys/socket sys/stat sys/statvfs sys/time sys/times sys/types sys/uio \
		sys/un sys/utsname sys/wait syslog tar termios time ulimit unistd \
		utime utmpx wchar wctype wordexp
	do
		echo "#include <$header.h>"
	done
	echo 'struct ours;'
	sed -n 's/^\([a-z_][a-z0-9_]*\)(.*/\1/p' ./*.c ./*/*.c | sort -u |
		sed 's/.*/static struct ours *(&)(struct ours *);/'
} >"$program"
errors=$(LC_ALL=C cc -x c -w -Werror=builtin-declaration-mismatch -fsyntax-only \
	"$program" 2>&1) && exit 0
echo "$errors" | sed -n 's/.*error: /src: /p' >&2
exit 1
