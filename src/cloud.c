/*
 * cloud.c
 *	  Where the services of Microsoft's clouds are (contract 10).
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "cloud.h"

static const Cloud clouds[] = {
	{"public", "https://login.microsoftonline.com",
		"https://graph.microsoft.com/v1.0",
		"https://smba.trafficmanager.net/teams",
		"https://graph.microsoft.com/.default",
	"https://api.botframework.com/.default", "botframework.com"},
	{"gcc", "https://login.microsoftonline.com",
		"https://graph.microsoft.com/v1.0",
		"https://smba.infra.gcc.teams.microsoft.com/teams",
		"https://graph.microsoft.com/.default",
	"https://api.botframework.com/.default", "botframework.com"},
	{"gcc-high", "https://login.microsoftonline.us",
		"https://graph.microsoft.us/v1.0",
		"https://smba.infra.gov.teams.microsoft.us/teams",
		"https://graph.microsoft.us/.default",
		"https://api.botframework.us/.default",
	"MicrosoftServices.onmicrosoft.us"},
	{"dod", "https://login.microsoftonline.us",
		"https://dod-graph.microsoft.us/v1.0",
		"https://smba.infra.dod.teams.microsoft.us/teams",
		"https://dod-graph.microsoft.us/.default",
		"https://api.botframework.us/.default",
	"MicrosoftServices.onmicrosoft.us"}
};

const Cloud *
cloud_find(const char *name)
{
	for (int i = 0; i < (int) lengthof(clouds); i++)
		if (strcmp(clouds[i].name, name) == 0)
			return &clouds[i];
	return &clouds[0];
}
