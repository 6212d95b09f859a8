/*
 * tenant.h
 *	  The tenant: bots, apps, users, groups, chats and installations.
 *
 * tenant.c has the bots, apps and users, group.c whatever has a roster,
 * chat.c the conversations and installation.c what is installed where.
 */
#ifndef SIM_TENANT_H
#define SIM_TENANT_H

#include "base/memory.h"
#include "base/sim.h"

typedef enum SimScope
{
	SIM_SCOPE_USER,
	SIM_SCOPE_TEAM,
	SIM_SCOPE_CHAT,				/* a group chat */
	SIM_SCOPE_NONE				/* a group that is no team */
} SimScope;

extern const char *const sim_scope_names[];

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
	char	   *version;		/* in the catalog */
	char	   *client_id;		/* of its bot */
} SimApp;

/* What apps are installed for. */
typedef struct SimTarget
{
	SimScope	scope;
	const char *id;
	struct SimUser *user;		/* NULL unless it is one */
	struct SimInstallation *installations;
} SimTarget;

typedef struct SimUser
{
	char	   *id;
	char	   *upn;
	char	   *display_name;
	char	   *preferred_language; /* or NULL */
	bool		guest;
	bool		disabled;
	bool		removed;		/* from the directory; nobody finds it */
	bool		no_teams;
	bool		blocked;		/* writes into the user's chats are refused */
	uint64_t	changed;		/* when, in sim_directory_version */
	uint64_t	mark;			/* the latest walk that met the user */
	SimTarget	target;
	struct SimChat *chats;
} SimUser;

/* A group, a team (a group with channels) or the people of a group chat. */
typedef struct SimGroup
{
	char	   *id;				/* a GUID, or the chat's id */
	char	   *display_name;
	SimList		members;		/* SimUser */
	SimList		owners;			/* SimUser */
	SimList		groups;			/* SimGroup that are members */
	SimList		channels;		/* SimChat, General first */
	uint64_t	mark;			/* as for a user */
	SimTarget	target;
} SimGroup;

/*
 * A conversation.  The personal chat of a user and a bot outlives the
 * installation; group chats and channels belong to their group.
 */
typedef struct SimChat
{
	char	   *id;				/* "19:..." */
	char	   *pairwise_id;	/* personal: "a:1...", the Connector's name */
	SimUser    *user;			/* personal, else NULL */
	SimBot	   *bot;			/* personal */
	SimApp	   *app;			/* personal: which brought the bot there */
	bool		installed;		/* personal */
	SimGroup   *group;			/* of a channel or group chat, else NULL */
	char	   *name;			/* of a channel */
	int			open_sends;		/* sends under way */
	uint64_t	messages;
	struct SimWindow *window;	/* quota, or NULL */
	struct SimChat *next;		/* of the same user */
} SimChat;

typedef struct SimInstallation
{
	char	   *id;				/* base64 of "{target}##{app}" */
	SimTarget  *target;
	SimApp	   *app;
	char	   *version;
	SimChat    *chat;			/* of a user; NULL if the app has no bot */
	const char *by;				/* "graph" or "seed" */
	int64_t		installed_at_ns;
	int			chat_polls_left;	/* asks for the chat still to refuse */
	size_t		position;		/* in sim_installations */
	struct SimInstallation *next;	/* of the same target */
} SimInstallation;

/* In the order of their creation; only the file that owns one writes it. */
extern SimList sim_bots;
extern SimList sim_apps;
extern SimList sim_users;		/* also those removed */
extern SimList sim_groups;		/* also teams, not group chats */
extern SimList sim_shared_chats;	/* group chats and channels */
extern SimList sim_installations;

/* Called with what was installed, and what is about to be taken away. */
extern void (*sim_on_installation) (const SimInstallation *installation,
									bool installed);

/* Counts the resets: what was remembered in another epoch is gone. */
extern uint64_t sim_epoch;

/* Counts what happened to users; and the delta tokens made invalid. */
extern uint64_t sim_directory_version;
extern uint64_t sim_delta_generation;

/* Bots, apps and users. */
extern SimBot *sim_find_bot(const char *client_id);
extern SimApp *sim_find_app(const char *teams_app_id);
extern SimUser *sim_find_user(const char *id_or_upn);
extern bool sim_tenant_exists(const char *tenant_id);
extern SimBot *sim_put_bot(const char *client_id);
extern SimApp *sim_put_app(const char *teams_app_id);
extern SimUser *sim_put_user(const char *id, const char *upn);
extern void sim_user_changed(SimUser *user);
extern void sim_remove_user(SimUser *user);
extern void sim_state_reset(void);

/* Groups and teams, and what has their people as a roster. */
extern SimGroup *sim_find_group(const char *id);
extern SimGroup *sim_find_team(const char *id);
extern SimGroup *sim_put_group(const char *id);
extern SimChat *sim_put_channel(SimGroup *team, const char *name,
								const char *id);
extern SimChat *sim_put_group_chat(const char *id);
extern SimList sim_group_users(const SimGroup *group, bool deep);
extern SimList sim_group_groups(SimGroup *group);
extern void sim_groups_reset(void);

/* Conversations. */
extern SimChat *sim_find_chat(const char *id);
extern SimChat *sim_find_chat_of_thread(const char *id, uint64_t *root);
extern SimChat *sim_personal_chat(SimUser *user, SimApp *app, SimBot *bot);
extern SimChat *sim_shared_chat(const char *id, SimGroup *group);
extern bool sim_chat_is_channel(const SimChat *chat);
extern bool sim_chat_has_bot(const SimChat *chat, const char *client_id);
extern char *sim_member_id(const SimUser *user, const char *client_id);
extern void sim_free_personal_chats(SimUser *user);
extern void sim_chats_reset(void);

/* Installations. */
extern SimInstallation *sim_find_installation(const SimTarget *target,
											  const SimApp *app);
extern SimTarget *sim_find_target(const char *id);
extern SimInstallation *sim_install(SimTarget *target, SimApp *app,
									const char *by);
extern void sim_uninstall(SimInstallation *installation);
extern void sim_installations_reset(void);

#endif							/* SIM_TENANT_H */
