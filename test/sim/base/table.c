/*
 * table.c
 *	  A hash table from strings to pointers.
 *
 * Open addressing with linear probing: 400,000 users and a million messages
 * have to fit, and a table of two words and a hash per entry does that.
 * Removal moves the following entries back, so that there are no tombstones.
 */
#include "base/table.h"
#include "base/memory.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

#define INITIAL_SIZE 16

/* FNV-1a with a final mix, since the table masks the low bits. */
static uint64_t
hash_string(const char *key)
{
	uint64_t	hash = UINT64_C(14695981039346656037);

	for (; *key != '\0'; key++)
		hash = (hash ^ (unsigned char) *key) * UINT64_C(1099511628211);
	hash ^= hash >> 32;
	return hash;
}

/* The slot that holds the key, or the free one where it would go. */
static size_t
find_slot(const SimTable *table, uint64_t hash, const char *key)
{
	size_t		i = hash & (table->size - 1);

	while (table->slots[i].key != NULL &&
		   (table->slots[i].hash != hash ||
			strcmp(table->slots[i].key, key) != 0))
		i = (i + 1) & (table->size - 1);
	return i;
}

static void
grow(SimTable *table)
{
	SimTable	bigger = {0};

	bigger.size = table->size > 0 ? table->size * 2 : INITIAL_SIZE;
	bigger.slots = sim_alloc(bigger.size * sizeof(SimTableSlot));
	bigger.used = table->used;
	for (size_t i = 0; i < table->size; i++)
	{
		const SimTableSlot *slot = &table->slots[i];

		if (slot->key != NULL)
			bigger.slots[find_slot(&bigger, slot->hash, slot->key)] = *slot;
	}
	free(table->slots);
	*table = bigger;
}

/* The value with that key, or NULL. */
void *
sim_table_get(const SimTable *table, const char *key)
{
	if (table->size == 0)
		return NULL;
	return table->slots[find_slot(table, hash_string(key), key)].value;
}

/* The same in a table whose keys are ids in lower case. */
void *
sim_table_get_folded(const SimTable *table, const char *id)
{
	char		key[SIM_MAX_KEY];

	return sim_table_get(table, sim_fold(id, key));
}

/*
 * Set an entry, in place of one with the same key; the key must live as long
 * as the entry does.
 */
void
sim_table_put(SimTable *table, const char *key, void *value)
{
	uint64_t	hash = hash_string(key);
	SimTableSlot *slot;

	if (table->used * 4 >= table->size * 3)
		grow(table);
	slot = &table->slots[find_slot(table, hash, key)];
	if (slot->key == NULL)
		table->used++;
	slot->hash = hash;
	slot->key = key;
	slot->value = value;
}

/* Remove an entry; returns its value, or NULL if there was none. */
void *
sim_table_remove(SimTable *table, const char *key)
{
	size_t		mask = table->size - 1;
	size_t		hole;
	void	   *value;

	if (table->size == 0)
		return NULL;
	hole = find_slot(table, hash_string(key), key);
	if (table->slots[hole].key == NULL)
		return NULL;
	value = table->slots[hole].value;
	table->used--;

	/* Close the gap: move back whatever may not be behind a free slot. */
	for (size_t i = (hole + 1) & mask; table->slots[i].key != NULL;
		 i = (i + 1) & mask)
	{
		size_t		home = table->slots[i].hash & mask;

		if (((i - home) & mask) >= ((i - hole) & mask))
		{
			table->slots[hole] = table->slots[i];
			hole = i;
		}
	}
	memset(&table->slots[hole], 0, sizeof(SimTableSlot));
	return value;
}

/* Forget all entries, calling release (if not NULL) on each value. */
void
sim_table_clear(SimTable *table, void (*release) (void *))
{
	for (size_t i = 0; i < table->size && release != NULL; i++)
	{
		if (table->slots[i].key != NULL)
			release(table->slots[i].value);
	}
	free(table->slots);
	memset(table, 0, sizeof(*table));
}
