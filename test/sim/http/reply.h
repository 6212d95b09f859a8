/*
 * reply.h
 *	  Writing answers, among them each service's error envelope.
 */
#ifndef SIM_REPLY_H
#define SIM_REPLY_H

#include "base/sim.h"

extern void sim_reply_init(SimReply *reply);
extern void sim_reply_free(SimReply *reply);
extern void sim_reply_clear(SimReply *reply);
extern void sim_reply_json(SimReply *reply, int status, json_t *body);
extern void sim_reply_text(SimReply *reply, int status, const char *type,
						   char *text);
extern void sim_reply_header(SimReply *reply, const char *name,
							 const char *value);

/* Errors, in the envelope of each service. */
extern void sim_graph_error(SimCall *call, int status, const char *code,
							const char *format,...)
			__attribute__((format(printf, 4, 5)));
extern void sim_connector_error(SimCall *call, int status, const char *code,
								const char *format,...)
			__attribute__((format(printf, 4, 5)));
extern void sim_login_error(SimCall *call, int status, const char *error,
							int code, const char *format,...)
			__attribute__((format(printf, 5, 6)));
extern void sim_admin_error(SimReply *reply, int status,
							const char *format,...)
			__attribute__((format(printf, 3, 4)));

extern void sim_uuid(char *uuid);
extern void sim_random_text(char *text, size_t length);

#endif							/* SIM_REPLY_H */
