/*
 * entra.h
 *	  Entra ID: hands out tokens and remembers them.
 */
#ifndef SIM_ENTRA_H
#define SIM_ENTRA_H

#include "tenant/tenant.h"

struct SimRequest;

typedef struct SimToken
{
	char	   *text;
	SimService	audience;		/* SIM_GRAPH or SIM_CONNECTOR */
	char	   *tenant_id;
	char	   *client_id;
	json_t	   *roles;			/* as they were at issue time */
	bool		wrong_tenant;	/* the Connector will not accept it */
	int64_t		expires_ns;		/* of the monotonic clock */
} SimToken;

extern void sim_entra_token(SimCall *call, const struct SimRequest *request);
extern SimToken *sim_token_check(const char *authorization,
								 SimService audience);
extern bool sim_token_has_role(const SimToken *token, const char *role);
extern size_t sim_tokens_expire(void);

#endif							/* SIM_ENTRA_H */
