/*
 * bots.h
 *	  The bots and where they are installed: teams_bot, teams_installation.
 *
 * All functions must be called between session_begin() and session_commit().
 * Strings are UTF-8.
 */
#ifndef TP_BOTS_H
#define TP_BOTS_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

#include "base/throttle.h"
#include "base/words.h"

typedef struct OutboxBot
{
	char	   *name;
	char	   *tenant_id;
	char	   *client_id;
	char	   *teams_app_id;	/* NULL: ask the catalog for manifest_id */
	char	   *manifest_id;
	char	   *credential;
	char	   *cloud;
	bool		multi_tenant;
	char	   *login_url;		/* NULL: the cloud's */
	char	   *graph_url;
	char	   *connector_url;
	int			connector_rate; /* requests each second */
	int			graph_rate;		/* the same, for each verb */
	int			chat_limits[CHAT_LIMITS];
	bool		reinstall;
	bool		dry_run;		/* it records, and sends nothing */
	const char *paused_by;		/* NULL: it is not paused */
	bool		is_at_home;		/* else this database is a copy */
	bool		try_credential; /* somebody wants to know whether it is good */
} OutboxBot;
extern List *outbox_read_bots(MemoryContext context);
extern bool outbox_lock_bot(const char *bot);
extern void outbox_pause_bot(const char *bot, const char *reason,
							 const char *hint, const char *paused_by);
extern void outbox_resume_bot(const char *bot);
extern void outbox_save_trouble(const char *bot, const char *trouble,
								const char *hint);
extern void outbox_save_tried(const char *bot);
extern void outbox_save_credential_good(const char *bot);
extern void outbox_save_app_id(const char *bot, const char *teams_app_id);
extern void outbox_save_app_version(const char *bot, const char *version);

typedef struct OutboxInstallation
{
	const char *bot;
	Scope		scope;
	const char *target;
	InstallState state;
	const char *installation_id;
	const char *app_version;
	const char *chat_id;
	const char *user_id;
	TimestampTz verify_at;		/* 0: null */
	bool		installed_by_us;
	const char *error_code;
	const char *error;
	const char *hint;
	int64		job;			/* that has found this out, or 0 */
} OutboxInstallation;
extern void outbox_save_installations(OutboxInstallation *const *records,
									  int count);

#endif							/* TP_BOTS_H */
