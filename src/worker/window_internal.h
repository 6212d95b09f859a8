/*
 * window_internal.h
 *	  What the files of the window share.
 */
#ifndef TP_WINDOW_INTERNAL_H
#define TP_WINDOW_INTERNAL_H

#include "worker/window.h"

/* The key of a target is "scope:id", of whatever length. */
typedef struct TargetEntry
{
	const char *key;
	Target	   *target;
} TargetEntry;

/* Targets are allocated in that context. */
extern void window_open_targets(MemoryContext context);

/* The target, if it is in memory, or NULL. */
extern Target *window_find_target(Bot *bot, Scope scope, const char *id);

/* The target of a row; it is made, as the row says, if it is not in memory. */
extern Target *window_find_or_make_target(Bot *bot, const OutboxMessage *row);

/* It is not among those ready any more. */
extern void window_unready(Target *target);

/* Is there room for what the table has for it? */
extern void window_check_behind(Target *target);

/*
 * From this id on, what the table has for the target waits for others of its
 * team; 0: for nobody.
 */
extern void window_set_held(Target *target, int64 from);

/*
 * The row has to wait in the table for others of its team.  What the table has
 * before it does not.
 */
extern void window_note_held(Target *target, const OutboxMessage *row);

/* What the target waited for may be gone: the table is read again for it. */
extern void window_let_go(Target *target);

/*
 * The message is about to leave its target: others of its team may have waited
 * for it.
 */
extern void window_let_team_go(const Message *message);

/*
 * A channel is where its team is, which may have changed while nothing was in
 * memory for it: then go by the row.
 */
extern void window_take_from_team(Target *target, const OutboxMessage *row);

#endif							/* TP_WINDOW_INTERNAL_H */
