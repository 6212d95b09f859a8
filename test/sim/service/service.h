/*
 * service.h
 *	  Which service and operation a request is for, and the way it takes.
 */
#ifndef SIM_SERVICE_H
#define SIM_SERVICE_H

#include "http/http.h"

/* The callbacks of the services' port. */
extern void sim_service_begin(SimRequest *request);
extern void sim_service_handle(SimRequest *request);
extern void sim_service_answer(SimRequest *request);
extern void sim_service_end(SimRequest *request);
extern void sim_service_connected(bool opened);

extern void sim_run(SimCall *call, const SimRequest *request);

/* What Microsoft Graph has for it. */
extern SimOperation sim_graph_operation(const SimCall *call);
extern void sim_graph_handle(SimCall *call, const SimRequest *request);
extern void sim_graph_batch(SimCall *call, const SimRequest *request);

/* What the Bot Connector has for it. */
extern SimOperation sim_connector_operation(const SimCall *call);
extern void sim_connector_handle(SimCall *call);
extern const char *sim_connector_conversation(const SimUri *uri);
extern const char *sim_connector_chat(const SimUri *uri);

#endif							/* SIM_SERVICE_H */
