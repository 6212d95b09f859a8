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
extern void *sim_table_get_folded(const SimTable *table, const char *id);
extern void sim_table_put(SimTable *table, const char *key, void *value);
extern void *sim_table_remove(SimTable *table, const char *key);
extern void sim_table_clear(SimTable *table, void (*release) (void *));

#endif							/* SIM_TABLE_H */
