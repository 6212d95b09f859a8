/*
 * memory.h
 *	  Memory, strings and lists; the program ends when there is no memory.
 */
#ifndef SIM_MEMORY_H
#define SIM_MEMORY_H

#include <stddef.h>

/* Pointers, in the order in which they were added. */
typedef struct SimList
{
	void	  **items;
	size_t		used;
	size_t		size;
} SimList;

extern void *sim_alloc(size_t size);
extern void *sim_realloc(void *old, size_t size);
extern char *sim_strdup(const char *string);
extern char *sim_format(const char *format,...)
			__attribute__((format(printf, 1, 2)));
extern void sim_set_string(char **target, const char *value);
extern void sim_list_add(SimList *list, void *item);
extern void sim_list_clear(SimList *list, void (*release) (void *));

#endif							/* SIM_MEMORY_H */
