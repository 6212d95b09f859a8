/*
 * memory.c
 *	  Memory, strings and lists; the program ends when there is no memory.
 */
#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Memory that is zero and has room for "size" bytes, to be freed. */
void *
sim_alloc(size_t size)
{
	void	   *memory = calloc(1, size > 0 ? size : 1);

	if (memory == NULL)
	{
		fprintf(stderr, "teams-sim: out of memory\n");
		abort();
	}
	return memory;
}

/*
 * The same memory with room for "size" bytes; what is new of it is not zero.
 */
void *
sim_realloc(void *old, size_t size)
{
	void	   *memory = realloc(old, size > 0 ? size : 1);

	if (memory == NULL)
	{
		fprintf(stderr, "teams-sim: out of memory\n");
		abort();
	}
	return memory;
}

/* A copy of a string, to be freed. */
char *
sim_strdup(const char *string)
{
	size_t		size = strlen(string) + 1;

	return memcpy(sim_alloc(size), string, size);
}

/* As sprintf(), into memory that is to be freed. */
char *
sim_format(const char *format,...)
{
	char	   *result;
	va_list		args;
	int			length;

	va_start(args, format);
	length = vasprintf(&result, format, args);
	va_end(args);
	if (length < 0)
	{
		fprintf(stderr, "teams-sim: out of memory\n");
		abort();
	}
	return result;
}

/*
 * Put a copy of a string, or NULL, in place of one that malloc() made, which
 * is freed.
 */
void
sim_set_string(char **target, const char *value)
{
	char	   *copy = value != NULL ? sim_strdup(value) : NULL;

	free(*target);
	*target = copy;
}

/* Append an item. */
void
sim_list_add(SimList *list, void *item)
{
	if (list->used == list->size)
	{
		list->size = list->size > 0 ? list->size * 2 : 16;
		list->items = sim_realloc(list->items, list->size * sizeof(void *));
	}
	list->items[list->used++] = item;
}

/*
 * Empty the list and free its memory; each item is given to "release", unless
 * that is NULL.
 */
void
sim_list_clear(SimList *list, void (*release) (void *))
{
	for (size_t i = 0; i < list->used && release != NULL; i++)
		release(list->items[i]);
	free(list->items);
	memset(list, 0, sizeof(*list));
}
