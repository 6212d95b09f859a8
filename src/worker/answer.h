/*
 * answer.h
 *	  What an answer means for a message.
 */
#ifndef TP_ANSWER_H
#define TP_ANSWER_H

#include "worker/flight.h"

/* The message that it changes or replies to was not sent. */
extern void answer_without_referent(Message *message);

/* The recipient does not want to hear of the broadcast's topic. */
extern void answer_opted_out(Message *message);

/* The broadcast that has its activity is not there any more. */
extern void answer_without_broadcast(Message *message);

/* It cannot be sent as it is. */
extern void answer_unfit(Message *message, const char *problem);

/* The handler of a message's request; the argument is a Flight, which it frees. */
extern void answer_post(const HttpReply *reply, void *argument);

#endif							/* TP_ANSWER_H */
