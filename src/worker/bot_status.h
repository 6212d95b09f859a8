/*
 * bot_status.h
 *	  Whether a bot sends, and if not, why; what of this teams_bot has to hear.
 */
#ifndef TP_BOT_STATUS_H
#define TP_BOT_STATUS_H

#include "utils/timestamp.h"

#include "protocol/policy.h"

struct Bot;

typedef enum BotState
{
	BOT_ACTIVE,
	BOT_PAUSED,
	BOT_PROBING					/* paused; one message tries whether it could
								 * go on */
} BotState;

/* What the worker writes to a bot's row; each is a bit of a set. */
typedef enum BotNews
{
	BOT_NEWS_PAUSE = 1 << 0,
	BOT_NEWS_RESUME = 1 << 1,	/* a probe has succeeded */
	BOT_NEWS_TROUBLE = 1 << 2,	/* or that there is none any more */
	BOT_NEWS_APP_ID = 1 << 3,
	BOT_NEWS_APP_VERSION = 1 << 4,
	BOT_NEWS_CREDENTIAL_TRIED = 1 << 5, /* as teams_try_credential() wants */
	BOT_NEWS_CREDENTIAL_GOOD = 1 << 6
} BotNews;

/* bot_status.c alone writes it. */
typedef struct BotStatus
{
	BotState	state;
	Operation	paused_op;		/* what would have to succeed */
	char	   *pause_reason;	/* NULL: teams_bot says it */
	char	   *pause_hint;		/* what to do about it, or NULL */
	bool		is_copy;		/* the pause is because of that */
	int			probes;			/* that have failed in a row */
	TimestampTz probe_at;		/* 0: not by itself */
	char	   *trouble;		/* why nothing gets through now, or NULL */
	const char *trouble_hint;	/* what to do about it, or NULL; a constant */
	char	   *secret_trouble; /* the credential was refused; messages go on
								 * with the last token */
	const char *secret_hint;
	char	   *line_trouble;	/* the same, if a host cannot be reached */
	const char *line_hint;

	int			unsaved;		/* BotNews that teams_bot has not heard */
	int			saving;			/* of these, what the current transaction has
								 * written */
	TimestampTz save_at;		/* somebody has locked the row: not before */
} BotStatus;

extern void bot_status_open(MemoryContext context);
extern void bot_status_configure(struct Bot *bot);

/* Pauses. */
extern void bot_pause(struct Bot *bot, Operation op, const char *hint,
					  const char *format,...) pg_attribute_printf(4, 5);
extern void bot_pause_for(struct Bot *bot, const char *what, Operation op,
						  int status, const ServiceError *error);
extern void bot_pause_copy(struct Bot *bot);
extern void bot_probe(struct Bot *bot);
extern void bot_probe_soon(struct Bot *bot);
extern void bot_succeeded(struct Bot *bot, Operation op);

/* Troubles. */
extern void bot_note_trouble(struct Bot *bot, const char *trouble,
							 const char *hint);
extern void bot_clear_trouble(struct Bot *bot);
extern void bot_note_refusal(struct Bot *bot, const char *problem,
							 const char *hint, time_t good_until);
extern char *bot_describe_error(const char *what, int status,
								const ServiceError *error);
extern bool bot_watch_lines(struct Bot *bot);

/* News. */
extern void bot_note_news(struct Bot *bot, int news);
extern void bot_drop_news(struct Bot *bot, int news);
extern bool bot_has_news(void);
extern void bot_save_news(void);
extern bool bot_news_saved(void);
extern bool bot_all_are_away(void);

#endif							/* TP_BOT_STATUS_H */
