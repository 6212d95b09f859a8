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

/* Configurations and settings; those with a text answer what is wrong. */
extern char *sim_configure(const json_t *config);
extern char *sim_change_settings(const json_t *settings);
extern json_t *sim_settings_json(void);
extern char *sim_add_group(json_t *entry);
extern char *sim_add_team(json_t *entry);
extern char *sim_add_group_chat(json_t *entry);
extern char *sim_change_user(SimUser *user, json_t *entry);
extern void sim_set_given(char **target, const char *value,
						  const char *otherwise);
extern char *sim_generated_id(const char *prefix, int number);
extern bool sim_is_generated_prefix(const char *prefix);

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

/* What some of them show. */
extern json_t *sim_duplicates_json(void);
extern char *sim_transcript(void);

#endif							/* SIM_ADMIN_H */
