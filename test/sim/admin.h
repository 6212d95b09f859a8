/*
 * admin.h
 *	  The administration port.
 */
#ifndef SIM_ADMIN_H
#define SIM_ADMIN_H

#include "http.h"

/* The callback of the administration port. */
extern void sim_admin_handle(SimRequest *request);

/*
 * Add what a configuration describes.  NULL, or what is wrong with it, to be
 * freed; what comes before the wrong entry is added nevertheless.
 */
extern char *sim_configure(const json_t *config);
extern char *sim_change_settings(const json_t *settings);
extern json_t *sim_settings_json(void);

extern void sim_admin_messages(SimRequest *request, const SimUri *uri);
extern json_t *sim_duplicates_json(void);

/* The chats as a person would read them; to be freed. */
extern char *sim_transcript(void);

#endif							/* SIM_ADMIN_H */
