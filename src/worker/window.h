/*
 * window.h
 *	  The part of the outbox that is in memory: a bounded number of messages
 *	  for each bot, in the order of each target.
 */
#ifndef TP_WINDOW_H
#define TP_WINDOW_H

#include "lib/ilist.h"

#include "outbox/outbox.h"
#include "worker/bot.h"
#include "worker/installation.h"

/* Messages of one target that may be in memory. */
#define TARGET_ROOM 8

typedef enum MessageState
{
	MESSAGE_QUEUED,				/* behind others, or ready */
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
	int			token;			/* serial of the token it was sent with */
	TimestampTz posted_at;
	TimestampTz counted_at;		/* by the pace */
	char		last_code[SERVICE_ERROR_MAX_CODE + 1];
	char	   *place;			/* of a change: the chat where the message is, ""
								 * if that was not sent; NULL: its target's */
	char	   *place_url;		/* the service URL there, if that is known */
	LedgerBatch *batch;			/* while in the ledger */
} Message;

/*
 * Does it go to where its target is?  What changes a message goes to where that
 * is, so that nothing has to be known of the target.
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

extern void window_open(MemoryContext context);

/* How many more messages a lane may have in memory. */
extern int	window_room(const Bot *bot, Priority priority);

/*
 * Take a row into memory.  NULL if it is there, or if it has to wait in the
 * table for room: then it comes again.  False in *has_room if the lane has
 * none.
 */
extern Message *window_admit(const OutboxMessage *row, bool *has_room);

/* The message with that id, or NULL. */
extern Message *window_find(int64 id);

/* The message that is first in its target's queue, or NULL. */
extern Message *window_first(Target *target);

/*
 * A target that is known can send, and what needs no target can be sent: put it
 * among those ready, if its first message waits for nothing else.
 */
extern void window_check_ready(Target *target);

/* The message goes on the wire; it has come back. */
extern void window_flies(Message *message, LedgerBatch *batch);
extern void window_landed(Message *message);

/*
 * Is something of the bot on the wire to this chat?  One person may be
 * addressed by object id and by user principal name, as two targets.
 */
extern bool window_chat_is_busy(const Bot *bot, const char *chat_id);

/*
 * The message has an outcome: it leaves its queue, but not the memory, so
 * that it is not taken in again before that is written.
 */
extern void window_settling(Message *message);

/* Leave to the table what queues for a target: it waits for a retry. */
extern void window_drop_queue(Target *target);

/*
 * From this id on, messages to the target may be in the table that no sweep
 * comes to again: they are read when there is room for them.
 */
extern void window_note_behind(Target *target, int64 from, Priority priority);

/*
 * For a target in the bot's list "behind": what the table has is about to be
 * admitted, in order; it has been.
 */
extern void window_catching_up(Target *target);
extern void window_caught_up(Target *target);

/*
 * Leave to the table what queues for any target of the bot, which is another
 * one now: they look for their chats anew.
 */
extern void window_drop_bot(Bot *bot);

/*
 * A target that is not being asked for and has no messages may be freed; that
 * is not done before the second one is called.
 */
extern void window_release_target(Target *target);
extern void window_free_idle_targets(void);

/* Remove a message from memory, and its target if that was the last. */
extern void window_forget(Message *message);

/* Look again at all messages of a bot from this id on; or for one of them. */
extern void window_look_again(Bot *bot, int64 from);
extern void window_look_for(Bot *bot, const OutboxMessage *row);

/*
 * What is found out of a target has changed: the sweeps may have passed over
 * messages that were for another of them.
 */
extern void window_note_change(Target *target);

/*
 * The bot is not in a team any more: its channels that are in memory cannot be
 * reached, either.
 */
extern void window_lose_channels(const Target *team);

/*
 * The name is said to be another's, or may be.  What queues for it goes back
 * to the table, and is looked up from there; if Graph is being asked, it will
 * be asked once more.
 */
extern void window_doubt(Bot *bot, const char *name,
						 TargetKnowledge knowledge);

/* What is stored of a target is wrong: the next message asks again. */
extern void window_target_is_stale(Target *target);

#endif							/* TP_WINDOW_H */
