/*
 * chat.h
 *	  The chats that a message is on its way to.
 */
#ifndef TP_CHAT_H
#define TP_CHAT_H

#include "worker/message.h"

extern void chat_open(MemoryContext context);
extern bool chat_is_taken(const Message *message);
extern void chat_reserve(Message *message);
extern void chat_take(Message *message);
extern void chat_leave(Message *message);
extern void chat_give_up(void);

#endif							/* TP_CHAT_H */
