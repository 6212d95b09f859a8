/*
 * message.h
 *	  Every activity that was posted to a conversation.
 */
#ifndef SIM_MESSAGE_H
#define SIM_MESSAGE_H

#include "tenant/tenant.h"

/* One text in one chat, with the number of times that it arrived. */
typedef struct SimText
{
	uint64_t	count;
	SimChat    *chat;
	const char *text;			/* the end of the key */
	char		key[];
} SimText;

typedef struct SimMessage
{
	uint64_t	seq;			/* 1, 2, ... */
	uint64_t	id;				/* what the service answered */
	uint64_t	root;			/* of its thread in a channel; else 0 */
	SimChat    *chat;
	SimBot	   *bot;			/* who posted it */
	SimText    *text;			/* as it arrived, whatever it says now */
	char	   *activity;		/* JSON, one line; the latest edition */
	unsigned	edits;
	bool		deleted;
	int64_t		received_at_ns;
	int64_t		changed_at_ns;	/* of the latest edit, or 0 */
} SimMessage;

extern SimList sim_messages;
extern uint64_t sim_message_count;	/* also of those not kept */

/* Called with what was posted, edited or deleted and is kept, unless NULL. */
extern void (*sim_on_message) (const SimMessage *message);
extern void (*sim_on_deletion) (const SimMessage *message);

extern uint64_t sim_message_add(SimChat *chat, SimBot *bot, uint64_t root,
								const json_t *activity,
								int64_t received_at_ns);
extern SimMessage *sim_find_message(const SimChat *chat, uint64_t id);
extern void sim_message_edit(SimMessage *message, const json_t *activity,
							 int64_t received_at_ns);
extern void sim_message_delete(SimMessage *message, int64_t received_at_ns);
extern size_t sim_messages_after(uint64_t seq);
extern void sim_for_duplicates(void (*visit) (const SimText *text,
											  void *context), void *context);
extern void sim_messages_reset(void);

#endif							/* SIM_MESSAGE_H */
