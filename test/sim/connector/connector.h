/*
 * connector.h
 *	  What the parts of the Bot Connector share.
 */
#ifndef SIM_CONNECTOR_H
#define SIM_CONNECTOR_H

#include "tenant/message.h"

/* These answer the call themselves when they return false or NULL. */
extern bool sim_connector_check_quota(SimCall *call, SimChat *chat);
extern json_t *sim_connector_body(SimCall *call);
extern SimChat *sim_connector_chat_in_path(SimCall *call, uint64_t *root);
extern bool sim_connector_check_roster(SimCall *call, const SimChat *chat);
extern bool sim_connector_check_chat(SimCall *call, const SimChat *chat);
extern bool sim_connector_check_activity(SimCall *call,
										 const json_t *activity);
extern SimMessage *sim_connector_message(SimCall *call, const SimChat *chat);

/* These do not. */
extern const char *sim_connector_activity_id(const SimCall *call);
extern uint64_t sim_connector_store(SimCall *call, SimChat *chat,
									uint64_t root, const json_t *activity);
extern bool sim_connector_splits(const json_t *activity);

/* The operations, besides sending. */
extern void sim_connector_create(SimCall *call);
extern void sim_connector_edit(SimCall *call);
extern void sim_connector_delete(SimCall *call);
extern void sim_connector_members(SimCall *call);
extern void sim_connector_team(SimCall *call);

#endif							/* SIM_CONNECTOR_H */
