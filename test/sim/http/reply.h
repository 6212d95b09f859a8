/*
 * reply.h
 *	  Writing answers, among them each service's error envelope.
 */
#ifndef SIM_REPLY_H
#define SIM_REPLY_H

#include "base/sim.h"

extern void sim_reply_init(SimReply *reply);
extern void sim_reply_free(SimReply *reply);

/* Forget what the answer says so far, to say something else. */
extern void sim_reply_clear(SimReply *reply);

/* Answer with a JSON document (the reference is taken over) or NULL. */
extern void sim_reply_json(SimReply *reply, int status, json_t *body);
extern void sim_reply_text(SimReply *reply, int status, const char *type,
						   char *text);
extern void sim_reply_header(SimReply *reply, const char *name,
							 const char *value);

/* Graph: {"error": {"code", "message", "innerError"}} (contract 3.12). */
extern void sim_graph_error(SimCall *call, int status, const char *code,
							const char *format,...)
			__attribute__((format(printf, 4, 5)));

/* Connector, shape a: {"error": {"code", "message"}} (contract 4.0.5). */
extern void sim_connector_error(SimCall *call, int status, const char *code,
								const char *format,...)
			__attribute__((format(printf, 4, 5)));

/* Entra ID: {"error", "error_description", "error_codes"} (contract 2.1). */
extern void sim_login_error(SimCall *call, int status, const char *error,
							int code, const char *format,...)
			__attribute__((format(printf, 5, 6)));

/* Administration: {"error": "text"}. */
extern void sim_admin_error(SimReply *reply, int status,
							const char *format,...)
			__attribute__((format(printf, 3, 4)));

/* A fresh version 4 UUID of 36 characters. */
extern void sim_uuid(char *uuid);

/* Fill with characters of base64url. */
extern void sim_random_text(char *text, size_t length);

#endif							/* SIM_REPLY_H */
