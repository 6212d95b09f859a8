# To be sourced by run-tests.sh if SANITIZE is set: puts an extension and a
# simulator that are built with AddressSanitizer and UBSan in the place of those
# in $WORK. The server itself stays as it is, and loads the sanitizers' runtimes
# before anything else. What they find ends the process and is kept in $WORK, so
# that a worker which is started again does not hide it.

flags="-g -O1 -fno-omit-frame-pointer -fsanitize=address,undefined \
	-fno-sanitize-recover=undefined"
reports=$WORK/reports
mkdir -p "$reports" "$WORK/build/test"

echo "# building with ASan and UBSan"
cp -R Makefile ./*.control src sql "$WORK/build/"
cp -R test/sim "$WORK/build/test/"
rm -f "$WORK"/build/src/*.o "$WORK"/build/src/*.bc "$WORK"/build/test/sim/*.o
make -s -C "$WORK/build" install DESTDIR="$WORK/install" \
	PG_CONFIG="$PG_CONFIG" with_llvm=no COPT="$flags" >"$WORK/build/log" 2>&1 ||
{
	cat "$WORK/build/log" >&2
	exit 1
}
rm -f "$WORK/build/test/sim/teams-sim"
make -s -C "$WORK/build/test/sim" CFLAGS="$flags"
cp "$WORK/build/test/sim/teams-sim" "$WORK/src/test/sim/"

# An abort is a crash to the postmaster; an exit would look like a normal end.
# Memory contexts free what looks like a leak.
ASAN_OPTIONS=detect_leaks=0:abort_on_error=1:log_path=$reports/asan
UBSAN_OPTIONS=print_stacktrace=1:abort_on_error=1
PG_TEST_TIMEOUT_DEFAULT=${PG_TEST_TIMEOUT_DEFAULT:-600}
export ASAN_OPTIONS UBSAN_OPTIONS PG_TEST_TIMEOUT_DEFAULT

# Two troubles of runtimes that come late, as they do here. ASan sets itself up
# at the first malloc(), and asks for the text of an error then: if that is in a
# constructor which holds the lock of such texts (libgpg-error's), it waits
# for ever, so it must be first. UBSan reads its options at the first report,
# when the process title has been written over the environment.
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

# With both runtimes there, UBSan writes to stderr, hence into the logs.
check_reports()
{
	found=$(cat "$reports"/* 2>/dev/null || true
		grep -rshA 20 -F ': runtime error: ' \
			"$WORK/src/log" "$WORK/src/tmp_check/log" || true)
	if [ -n "$found" ]
	then
		echo "$found" >&2
		echo "The sanitizers have found something." >&2
		return 1
	fi
	echo "# The sanitizers found nothing."
}
