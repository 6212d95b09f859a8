/*
 * keys.h
 *	  The applications' keys, by which a message is written once, a thread is
 *	  found again, and a broadcast is made once.
 *
 * All are to be called between session_begin() and session_commit().
 */
#ifndef TP_KEYS_H
#define TP_KEYS_H

#include "outbox/messages.h"

extern int64 outbox_claim_key(const OutboxNew *message, bool *is_new);
extern int64 outbox_claim_thread(const OutboxNew *message, int64 id);
extern bool outbox_free_broadcast_key(const OutboxNew *options);
extern int64 outbox_find_broadcast_key(const OutboxNew *options);

#endif							/* TP_KEYS_H */
