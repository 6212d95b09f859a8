# To be sourced by run-tests.sh if SANITIZE is set: has the tests run under
# AddressSanitizer and UBSan. What they find ends the process and is kept in
# $WORK, so that a worker which is started again does not hide it.
#
#   SANITIZE=1       with a server that is built for it (checked-server.sh)
#   SANITIZE=quick   only the extension and the simulator are; the server is the
#                    distribution's, and what it frees looks like any other
#                    memory; also where the other cannot be had

reports=$WORK/reports
mkdir -p "$reports" "$WORK/build/test"

# An abort is a crash to the postmaster; an exit would look like a normal end.
# Memory contexts free what looks like a leak. Tests may preload libraries. What
# watches strstr() reads all of a text for each occurrence in it.
ASAN_OPTIONS=detect_leaks=0:abort_on_error=1:detect_stack_use_after_return=0
ASAN_OPTIONS=$ASAN_OPTIONS:verify_asan_link_order=0:log_path=$reports/asan
ASAN_OPTIONS=$ASAN_OPTIONS:intercept_strstr=0
UBSAN_OPTIONS=print_stacktrace=1:abort_on_error=1
PG_TEST_TIMEOUT_DEFAULT=${PG_TEST_TIMEOUT_DEFAULT:-600}
export ASAN_OPTIONS UBSAN_OPTIONS PG_TEST_TIMEOUT_DEFAULT

flags="-g -O1 -fno-omit-frame-pointer -fsanitize=address,undefined \
	-fno-sanitize-recover=undefined"
preloading=yes
if [ "$SANITIZE" != quick ] && checked=$(test/setup/checked-server.sh)
then
	PG_CONFIG=$checked
	preloading=
fi

# The assertions of the headers do not depend on the server's.
echo "# building with ASan and UBSan"
cp -R Makefile ./*.control src sql "$WORK/build/"
cp -R test/sim "$WORK/build/test/"
find "$WORK/build" \( -name '*.o' -o -name '*.bc' -o -name '*.so' \
	-o -name teams-sim \) -exec rm {} +
make -s -C "$WORK/build/test/sim" CFLAGS="$flags"
source_tree=$WORK/build
COPT="$flags -DUSE_ASSERT_CHECKING"
export COPT

# The distribution's server has to load the runtimes before anything else. Two
# troubles of runtimes that come late, as they do then. ASan sets itself up
# at the first malloc(), and asks for the text of an error then: if that is in a
# constructor which holds the lock of such texts (libgpg-error's), it waits
# for ever, so it must be first. UBSan reads its options at the first report,
# when the process title has been written over the environment.
preload_sanitizers()
{
	cc=$($PG_CONFIG --cc)
	cat >"$WORK/build/first.c" <<END
#include <stdlib.h>
const char *__ubsan_default_options(void) { return "$UBSAN_OPTIONS"; }
static void __attribute__((constructor)) first(void) { free(malloc(1)); }
END
	$cc -O0 -shared -fPIC -Wl,-z,initfirst -o "$WORK/install/first.so" \
		"$WORK/build/first.c"

	asan=$($cc -print-file-name=libasan.so)
	ubsan=$($cc -print-file-name=libubsan.so)
	# By the name of postgres, since pg_ctl starts again what has told its name.
	mv "$bindir/postgres" "$bindir/postgres.uninstrumented"
	cat >"$bindir/postgres" <<END
#!/usr/bin/perl
\$ENV{LD_PRELOAD} = join ' ', '$asan $WORK/install/first.so $ubsan',
	\$ENV{LD_PRELOAD} // ();
exec { '$bindir/postgres.uninstrumented' } '$bindir/postgres', @ARGV;
END
	chmod 755 "$bindir/postgres"

	# With old ones (seen with gcc 10 and glibc 2.31) it waits for ever.
	timeout -k 1 60 "$bindir/postgres" -V >/dev/null && return
	echo "# The server does not start with this system's sanitizers: skipped."
	[ "$SANITIZE" = quick ]
	exit
}

# Once the server and the tests are in their places.
finish_set_up()
{
	cp "$WORK/build/test/sim/teams-sim" "$WORK/src/test/sim/"
	[ -z "$preloading" ] || preload_sanitizers
}

# With both runtimes there, UBSan writes to stderr, hence into the logs; and so
# do assertions.
check_reports()
{
	found=$(cat "$reports"/* 2>/dev/null || true
		grep -rshA 20 -e ': runtime error: ' -e '^TRAP: ' \
			"$WORK/src/log" "$WORK/src/tmp_check/log" || true)
	if [ -n "$found" ]
	then
		echo "$found" >&2
		echo "The sanitizers have found something." >&2
		return 1
	fi
	echo "# The sanitizers found nothing."
}
