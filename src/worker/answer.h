/*
 * answer.h
 *	  What an answer means for a message.
 */
#ifndef TP_ANSWER_H
#define TP_ANSWER_H

#include "http/http.h"

extern void answer_post(const HttpReply *reply, void *argument);

#endif							/* TP_ANSWER_H */
