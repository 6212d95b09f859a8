/*
 * message.h
 *	  A message that is in memory.
 */
#ifndef TP_MESSAGE_H
#define TP_MESSAGE_H

#include "lib/ilist.h"

#include "worker/target.h"

typedef enum MessageState
{
	MESSAGE_QUEUED,				/* in its target's queue */
	MESSAGE_IN_FLIGHT,			/* on the wire, and in the ledger */
	MESSAGE_SETTLING			/* it has an outcome, not yet written */
} MessageState;

/* A batch in the ledger. */
typedef struct LedgerBatch
{
	int64		id;
	int			open;			/* messages without an outcome */
	int			unwritten;		/* messages whose outcome is not written */
} LedgerBatch;

typedef struct Message
{
	int64		id;
	dlist_node	node;			/* in its target's queue */
	MessageState state;
	Bot		   *bot;
	Target	   *target;			/* NULL once it is settling */
	bool		comes_again;	/* it is due again before that was written */
	Priority	priority;
	Kind		kind;
	bool		retrying;
	bool		at_most_once;
	int			attempts;
	char	   *taken_chat;		/* chat.c: where it is on its way to, or
								 * NULL */
	bool		reserves_chat;	/* it does not go there yet */
	dlist_node	reserving_node;
	int			token;			/* serial of the token it was sent with */
	Trip		trip;			/* since it was posted */
	char		last_code[SERVICE_ERROR_MAX_CODE + 1];
	char	   *place;			/* of a change: the chat where the message is,
								 * "" if that was not sent; NULL: its
								 * target's */
	char	   *place_url;		/* the service URL there, if that is known */
	LedgerBatch *batch;			/* while in the ledger */

	/* What is done on the wire; ids that are known beforehand, or NULL. */
	Operation	op;
	char	   *conversation_id;
	char	   *activity_id;
} Message;

/*
 * Does it go to where its target is?  What changes a message goes to where
 * that is, so that nothing has to be known of the target.
 */
static inline bool
message_needs_target(const Message *message)
{
	return message->place == NULL;
}

/* The chat that it goes to; NULL or "" if none is known. */
static inline const char *
message_chat(const Message *message)
{
	return message_needs_target(message) ? message->target->chat_id :
		message->place;
}

/* Where it is sent.  What is known of a name is known of who has it now. */
static inline const char *
message_service_url(const Message *message)
{
	if (message_needs_target(message) || !target_is_name(message->target))
		return target_service_url(message->target);
	return message->place_url != NULL ? message->place_url :
		message->bot->connector_url;
}

#endif							/* TP_MESSAGE_H */
