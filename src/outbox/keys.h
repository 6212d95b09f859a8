/*
 * keys.h
 *	  The applications' keys, by which a message is written once, a thread is
 *	  found again, and a broadcast is made once.
 *
 * All are to be called between session_begin() and session_commit().
 */
#ifndef TP_KEYS_H
#define TP_KEYS_H

#include "outbox/outbox.h"

/*
 * The id for a message with a dedupe_key: a new one, or that of the message
 * that has the key already, and then *is_new is false.
 */
extern int64 outbox_claim_key(const OutboxNew *message, bool *is_new);

/*
 * The message that started the thread with the message's key, if that was not
 * the one with this id: then it does, and 0 is returned.
 */
extern int64 outbox_claim_thread(const OutboxNew *message, int64 id);

/*
 * Take the dedupe_key from a broadcast that came to nothing; false if the one
 * that has it did not.
 */
extern bool outbox_free_broadcast_key(const OutboxNew *options);

/* The broadcast that has the key. */
extern int64 outbox_find_broadcast_key(const OutboxNew *options);

#endif							/* TP_KEYS_H */
