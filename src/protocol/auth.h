/*
 * auth.h
 *	  Access tokens from Entra ID: requests as bytes, replies as structs.
 *
 * Contract 2.
 */
#ifndef TP_AUTH_H
#define TP_AUTH_H

#include "lib/stringinfo.h"
#include "protocol/policy.h"

/*
 * Whom a token is for.  Whatever carries one says which it takes, and where it
 * goes: one for Graph must not land in a request to the Bot Connector, nor the
 * reverse.
 */
typedef enum Audience
{
	AUDIENCE_GRAPH,
	AUDIENCE_CONNECTOR,
	AUDIENCES
} Audience;

/*
 * Refresh a token when it has less than this to live (contract 2.2), or less
 * than half of its life.
 */
#define AUTH_REFRESH_AHEAD 300.0

typedef struct AuthReply
{
	char	   *access_token;	/* NULL if the reply has none that is usable */
	double		expires_in;		/* seconds */
} AuthReply;

/*
 * What is asked for, and by whom.  The credential is what the file holds;
 * which kind it is of, auth.c sees.
 */
typedef struct AuthRequest
{
	const char *token_url;		/* by auth_token_url(), where it is asked */
	const char *client_id;
	const char *scope;
	const char *credential;
} AuthRequest;

extern char *auth_token_url(const char *login_url, const char *tenant);
extern const char *auth_credential_problem(const char *credential);
extern const char *auth_token_form(StringInfo form,
								   const AuthRequest *request);
extern void auth_token_reply(const char *body, size_t length,
							 AuthReply *reply);
extern void auth_error(const char *body, size_t length, ServiceError *error);

#endif							/* TP_AUTH_H */
