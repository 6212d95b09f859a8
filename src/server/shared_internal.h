/*
 * shared_internal.h
 *	  All of shared memory, for shared.c, slot.c and wake.c alone.
 */
#ifndef TP_SHARED_INTERNAL_H
#define TP_SHARED_INTERNAL_H

#include "server/shared.h"

/* For so many bots that send at a time the pace is shared by databases. */
#define MAX_PACES 256

typedef struct SharedState
{
	LWLock	   *lock;
	Latch	   *launcher_latch; /* NULL until there has been a launcher */
	pg_atomic_uint32 scan;		/* the launcher shall see what databases there
								 * are */
	pg_atomic_uint32 arrived;	/* and look into this one again */
	pg_atomic_uint32 no_room;	/* there are databases that get no slot */
	Pace		paces[MAX_PACES];
	ChatPaces	chats;
	int			nslots;
	Slot		slots[FLEXIBLE_ARRAY_MEMBER];
} SharedState;

/* NULL if the library was not preloaded. */
extern SharedState *shared;

extern Slot *shared_find_slot(Oid database);

#endif							/* TP_SHARED_INTERNAL_H */
