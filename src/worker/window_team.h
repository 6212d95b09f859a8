/*
 * window_team.h
 *	  The order among a team's jobs and the messages to its channels.
 */
#ifndef TP_WINDOW_TEAM_H
#define TP_WINDOW_TEAM_H

#include "worker/message.h"

extern void window_team_hold(Target *target, const OutboxMessage *row);
extern void window_team_admit(Target *target, const OutboxMessage *row);
extern void window_team_leave(const Message *message);

#endif							/* TP_WINDOW_TEAM_H */
