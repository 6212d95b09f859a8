/*
 * tap.h
 *	  The few lines that a test in C needs to talk to prove(1).
 *
 * A failed check says where and why, and the program goes on.  main() ends
 * with "return done();", which prints the plan and yields the exit status.
 */
#ifndef TP_TAP_H
#define TP_TAP_H

static int	tap_count = 0;
static int	tap_failures = 0;

static inline bool
ok(bool passed, const char *name)
{
	printf("%sok %d - ", passed ? "" : "not ", ++tap_count);
	for (; *name != '\0'; name++)
		putchar(*name >= 0 && *name < ' ' ? ' ' : *name);
	putchar('\n');
	if (!passed)
		tap_failures++;
	return passed;
}

/* Both may be NULL. */
static inline bool
is_str(const char *got, const char *wanted, const char *name)
{
	bool		same = got == wanted ||
		(got != NULL && wanted != NULL && strcmp(got, wanted) == 0);

	if (!ok(same, name))
		printf("#      got: %s\n#   wanted: %s\n",
			   got != NULL ? got : "(null)",
			   wanted != NULL ? wanted : "(null)");
	return same;
}

static inline bool
is_int(long got, long wanted, const char *name)
{
	if (!ok(got == wanted, name))
		printf("#      got: %ld\n#   wanted: %ld\n", got, wanted);
	return got == wanted;
}

/* Equal to a millionth. */
static inline bool
is_num(double got, double wanted, const char *name)
{
	bool		same = got - wanted < 1e-6 && wanted - got < 1e-6;

	if (!ok(same, name))
		printf("#      got: %g\n#   wanted: %g\n", got, wanted);
	return same;
}

static inline int
done(void)
{
	printf("1..%d\n", tap_count);
	return tap_failures == 0 ? 0 : 1;
}

#endif							/* TP_TAP_H */
