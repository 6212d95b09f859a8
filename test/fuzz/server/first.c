/*
 * first.c
 *	  Has ASan set itself up before any other library's constructor: it may ask
 *	  for the text of an error then, and one that holds the lock of such texts
 *	  would wait for ever.
 */
#include <stdlib.h>

static void __attribute__((constructor))
first(void)
{
	free(malloc(1));
}
