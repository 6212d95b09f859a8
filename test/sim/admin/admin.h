/*
 * admin.h
 *	  The administration port.
 */
#ifndef SIM_ADMIN_H
#define SIM_ADMIN_H

#include "http/http.h"
#include "tenant/tenant.h"

/* A request and its answer. */
typedef struct AdminContext
{
	SimRequest *request;
	SimReply   *reply;
	SimUri		uri;
	json_t	   *body;			/* an object, or NULL if there was none */
} AdminContext;

/* The callback of the administration port. */
extern void sim_admin_handle(SimRequest *request);

/*
 * Add what a configuration describes.  NULL, or what is wrong with it, to be
 * freed; what comes before the wrong entry is added nevertheless.
 */
extern char *sim_configure(const json_t *config);
extern char *sim_change_settings(const json_t *settings);
extern json_t *sim_settings_json(void);

/* One entry of a configuration each; NULL or what is wrong. */
extern char *sim_add_group(json_t *entry);
extern char *sim_add_team(json_t *entry);
extern char *sim_add_group_chat(json_t *entry);

/* Set what was given, or to the other value what was never set. */
extern void sim_set_given(char **target, const char *value,
						  const char *otherwise);

/* The id of a generated user, to be freed. */
extern char *sim_generated_id(const char *prefix, int number);
extern bool sim_is_generated_prefix(const char *prefix);

/* Set the flags and names that a JSON object of a user has. */
extern char *sim_change_user(SimUser *user, json_t *entry);

/* What the paths do. */
extern void sim_admin_done(AdminContext *context);
extern void sim_admin_installations(AdminContext *context);
extern void sim_admin_uninstall(AdminContext *context);
extern void sim_admin_block(AdminContext *context);
extern void sim_admin_change_user(AdminContext *context);
extern void sim_admin_remove_user(AdminContext *context);
extern void sim_admin_teams(AdminContext *context);
extern void sim_admin_expire_delta(AdminContext *context);

extern void sim_admin_messages(SimRequest *request, const SimUri *uri);
extern json_t *sim_duplicates_json(void);

/* The chats as a person would read them; to be freed. */
extern char *sim_transcript(void);

#endif							/* SIM_ADMIN_H */
