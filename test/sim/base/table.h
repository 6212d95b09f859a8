/*
 * table.h
 *	  A hash table from strings to pointers.
 */
#ifndef SIM_TABLE_H
#define SIM_TABLE_H

#include <stddef.h>
#include <stdint.h>

typedef struct SimTableSlot
{
	uint64_t	hash;
	const char *key;			/* NULL: free; owned by the entry */
	void	   *value;
} SimTableSlot;

typedef struct SimTable
{
	SimTableSlot *slots;
	size_t		size;			/* a power of two, or 0 before first use */
	size_t		used;
} SimTable;

extern void *sim_table_get(const SimTable *table, const char *key);

/* Set an entry; the key must live as long as the entry does. */
extern void sim_table_put(SimTable *table, const char *key, void *value);
extern void *sim_table_remove(SimTable *table, const char *key);

/* Forget all entries, calling release (if not NULL) on each value. */
extern void sim_table_clear(SimTable *table, void (*release) (void *));

/* malloc and friends that end the program when memory is out. */
extern void *sim_alloc(size_t size);
extern void *sim_realloc(void *old, size_t size);
extern char *sim_strdup(const char *string);
extern char *sim_format(const char *format,...)
			__attribute__((format(printf, 1, 2)));

#endif							/* SIM_TABLE_H */
