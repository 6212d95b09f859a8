/*
 * fuzz_clean_copy.c
 *	  A service's text on its way into tables and logs.
 */
#include "postgres_fe.h"

#include "base/compat.h"
#include "fuzz.h"
#include "base/trust.h"

void
fuzz_one(const char *input, size_t length)
{
	static const int limits[] = {0, 1, 2, 3, 10, 50, 100, 1000};
	char	   *text = fuzz_string(input, length);
	bool		valid = compat_utf8_is_valid(text, (int) strlen(text));
	char	   *whole = trust_clean_copy(text, 1000000);
	int			i;

	require_clean(whole, 1000000);
	REQUIRE(strcmp(trust_clean_copy(whole, 1000000), whole) == 0);
	for (i = 0; i < (int) lengthof(limits); i++)
	{
		char	   *cut = trust_clean_copy(text, limits[i]);

		require_clean(cut, limits[i]);
		REQUIRE(strncmp(cut, whole, strlen(cut)) == 0);

		/* no more is cut than must be */
		if (valid)
		{
			require_printable(cut);
			REQUIRE(strcmp(cut, whole) == 0 || (int) strlen(cut) + 3 >= limits[i]);
		}
	}
}
