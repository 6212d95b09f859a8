/*
 * message.h
 *	  Every activity that was posted to a chat.
 */
#ifndef SIM_MESSAGE_H
#define SIM_MESSAGE_H

#include "state.h"

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
	SimChat    *chat;
	SimText    *text;
	char	   *activity;		/* JSON, one line */
	int64_t		received_at_ns;
} SimMessage;

extern SimList sim_messages;
extern uint64_t sim_message_count;	/* also of those not kept */

/* Store an activity; returns the id that the service gives it. */
extern uint64_t sim_message_add(SimChat *chat, const json_t *activity,
								int64_t received_at_ns);

/* Call visit for each text that arrived more than once in a chat. */
extern void sim_for_duplicates(void (*visit) (const SimText *text,
											  void *context), void *context);
extern void sim_messages_reset(void);

#endif							/* SIM_MESSAGE_H */
