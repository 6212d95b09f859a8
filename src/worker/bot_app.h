/*
 * bot_app.h
 *	  A bot's app in the organisation's catalog: its id, and its version.
 */
#ifndef TP_BOT_APP_H
#define TP_BOT_APP_H

#include "worker/bot.h"

extern const char *bot_app_id(Bot *bot);
extern bool bot_app_version_is_known(Bot *bot);

#endif							/* TP_BOT_APP_H */
