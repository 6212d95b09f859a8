/*
 * state.h
 *	  The tenant: bots, users, apps, installations and their chats.
 */
#ifndef SIM_STATE_H
#define SIM_STATE_H

#include "sim.h"
#include "table.h"

typedef struct SimBot
{
	char	   *client_id;
	char	   *client_secret;
	char	   *tenant_id;
	char	   *display_name;
	json_t	   *roles;			/* Graph application permissions */
	bool		multi_tenant;
	bool		secret_expired;
} SimBot;

typedef struct SimApp
{
	char	   *teams_app_id;
	char	   *external_id;	/* the id in the manifest */
	char	   *display_name;
	char	   *distribution_method;
	char	   *version;
	char	   *client_id;		/* of its bot */
} SimApp;

typedef struct SimUser
{
	char	   *id;
	char	   *upn;
	char	   *display_name;
	bool		guest;
	bool		no_teams;
	bool		blocked;		/* writes into the user's chats are refused */
	struct SimInstallation *installations;
	struct SimChat *chats;
} SimUser;

/* The personal chat of a user and a bot; it outlives the installation. */
typedef struct SimChat
{
	char	   *id;				/* "19:<user>_<bot>@unq.gbl.spaces" */
	char	   *pairwise_id;	/* "a:1...", the Connector's name for it */
	SimUser    *user;
	SimBot	   *bot;
	SimApp	   *app;			/* which brought the bot there */
	bool		installed;
	int			open_sends;		/* sends under way */
	uint64_t	messages;
	struct SimWindow *window;	/* quota, or NULL */
	struct SimChat *next;		/* of the same user */
} SimChat;

typedef struct SimInstallation
{
	char	   *id;				/* base64 of "{user}##{app}" */
	SimUser    *user;
	SimApp	   *app;
	SimChat    *chat;			/* NULL if the app has no bot */
	const char *by;				/* "graph" or "seed" */
	int64_t		installed_at_ns;
	int			chat_polls_left;	/* asks for the chat still to refuse */
	size_t		position;		/* in sim_installations */
	struct SimInstallation *next;	/* of the same user */
} SimInstallation;

/* In the order of their creation; nobody but state.c writes these. */
typedef struct SimList
{
	void	  **items;
	size_t		used;
	size_t		size;
} SimList;

extern SimList sim_bots;
extern SimList sim_apps;
extern SimList sim_users;
extern SimList sim_installations;

/* Counts the resets: what was remembered in another epoch is gone. */
extern uint64_t sim_epoch;

extern void sim_list_add(SimList *list, void *item);

extern SimBot *sim_find_bot(const char *client_id);
extern SimApp *sim_find_app(const char *teams_app_id);
extern SimUser *sim_find_user(const char *id_or_upn);
extern SimChat *sim_find_chat(const char *id);
extern SimInstallation *sim_find_installation(const SimUser *user,
											  const SimApp *app);
extern bool sim_tenant_exists(const char *tenant_id);

/* These add what they are given, or replace what has the same key. */
extern SimBot *sim_put_bot(const char *client_id);
extern SimApp *sim_put_app(const char *teams_app_id);

/* NULL if the id and the UPN belong to different users. */
extern SimUser *sim_put_user(const char *id, const char *upn);

extern SimInstallation *sim_install(SimUser *user, SimApp *app,
									const char *by);
extern void sim_uninstall(SimInstallation *installation);
extern void sim_state_reset(void);

/* Replace a string that malloc() made. */
extern void sim_set_string(char **target, const char *value);
extern bool sim_is_guid(const char *text);
extern char *sim_base64(const char *text);

#endif							/* SIM_STATE_H */
