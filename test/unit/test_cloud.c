/*
 * test_cloud.c
 *	  Where services are, and which hosts may be named.
 */
#include "postgres_fe.h"

#include "base/cloud.h"
#include "tap.h"
#include "base/trust.h"

/* A URL, and what is advised in its place; NULL: it will do. */
typedef struct Root
{
	const char *parameter;
	const char *url;
	const char *root;
} Root;

static const Root roots[] = {
	{"graph_url", "https://graph.microsoft.com/v1.0", NULL},
	{"graph_url", "https://graph.microsoft.com/v1.0/", NULL},
	{"graph_url", "https://graph.microsoft.com/beta", NULL},
	{"graph_url", "https://graph.microsoft.com/BETA//", NULL},
	{"graph_url", "http://127.0.0.1:8080/graph/v1.0", NULL},
	{"graph_url", "https://graph.microsoft.com",
	"https://graph.microsoft.com/v1.0"},
	{"graph_url", "https://graph.microsoft.com/",
	"https://graph.microsoft.com/v1.0"},
	{"graph_url", "https://gateway.example.com/graph/v2.0",
	"https://gateway.example.com/graph/v2.0/v1.0"},
	{"graph_url", "https://graph.microsoft.com/v1.0/$batch",
	"https://graph.microsoft.com/v1.0"},
	{"graph_url", "https://graph.microsoft.com/v1.0/users/",
	"https://graph.microsoft.com/v1.0"},
	{"login_url", "https://login.microsoftonline.com", NULL},
	{"login_url", "https://login.microsoftonline.com/", NULL},
	{"login_url", "http://127.0.0.1:8080/login", NULL},
	{"login_url", "https://login.microsoftonline.com/"
		"6b1f0c2a-8d3e-4f57-9b60-1a2b3c4d5e6f/oauth2/v2.0/token",
	"https://login.microsoftonline.com"},
	{"login_url", "https://login.microsoftonline.com/contoso.com/oauth2/token",
	"https://login.microsoftonline.com"},
	{"login_url", "https://login.microsoftonline.com/"
		"6b1f0c2a-8d3e-4f57-9b60-1a2b3c4d5e6f",
	"https://login.microsoftonline.com"},
	{"login_url", "https://login.microsoftonline.com/organizations",
	"https://login.microsoftonline.com"},
	{"login_url", "https://login.microsoftonline.com/oauth2/v2.0/token",
	"https://login.microsoftonline.com"},
	{"login_url", "https://gateway.example.com/login/botframework.com/oauth2/v2.0/token",
	"https://gateway.example.com/login"},
	{"connector_url", "https://smba.trafficmanager.net/teams", NULL},
	{"connector_url", "https://smba.trafficmanager.net/amer/"
	"6b1f0c2a-8d3e-4f57-9b60-1a2b3c4d5e6f/", NULL},
	{"connector_url", "https://smba.trafficmanager.net/teams/v3/conversations",
	"https://smba.trafficmanager.net/teams"},
	{"connector_url", "https://smba.trafficmanager.net/v3",
	"https://smba.trafficmanager.net"},
	{"url", "https://graph.microsoft.com", NULL},
};

static void
test_roots(void)
{
	for (int i = 0; i < (int) lengthof(roots); i++)
	{
		const Root *root = &roots[i];
		const char *advice = NULL;
		const char *problem = cloud_url_problem(root->parameter, root->url,
												&advice);

		ok((problem == NULL) == (root->root == NULL), root->url);
		if (problem != NULL && root->root != NULL)
			is_str(advice, psprintf("Write %s => '%s'.", root->parameter,
									root->root), "what to write in its place");
	}
}

static void
test_clouds(void)
{
	static const char *const names[] = {"public", "gcc", "gcc-high", "dod"};

	for (int i = 0; i < (int) lengthof(names); i++)
	{
		const Cloud *cloud = cloud_find(names[i]);
		const char *advice;

		is_str(cloud->name, names[i], "a cloud");
		is_str(cloud_url_problem("login_url", cloud->login_url, &advice), NULL,
			   "its login URL is a root");
		is_str(cloud_url_problem("graph_url", cloud->graph_url, &advice), NULL,
			   "so is that of Graph");
		is_str(cloud_url_problem("connector_url", cloud->connector_url,
								 &advice), NULL, "and its service URL");
	}
	ok(cloud_has_host("graph.microsoft.com"), "Microsoft's host");
	ok(cloud_has_host("SMBA.infra.gcc.teams.microsoft.com"), "in capitals");
	ok(!cloud_has_host("graph.microsoft.com.example.com"), "with an end");
	ok(!cloud_has_host("graph.microsoft.co"), "cut");
	ok(!cloud_has_host("microsoft.com"), "a part of one");
	ok(!cloud_has_host(""), "none");
}

/* Entries of a list of hosts, and why they cannot be one. */
static void
test_hosts(void)
{
	static const struct
	{
		const char *entry;
		const char *problem;
	}			cases[] = {
		{"127.0.0.1", NULL}, {"localhost", NULL}, {"[::1]", NULL},
		{"a-b_c.example.com", NULL}, {"x", NULL},
		{"", "empty"},
		{"localhost:8080", "port"},
		{"[::1]:8080", "port"},
		{"::1", "brackets"},
		{"[example]", "no host name"},
		{"*.example.com", "wildcards"},
		{"https://example.com", "URL"},
		{"example.com/teams", "URL"},
		{".example.com", "dot"},
		{"example.com.", "dot"},
		{"a;b", "no host name"},
		{"a b", "no host name"},
		{"m\xc3\xbcller.example", "no host name"},
	};

	for (size_t i = 0; i < lengthof(cases); i++)
	{
		const char *problem = trust_host_problem(cases[i].entry);

		if (cases[i].problem == NULL)
			is_str(problem, NULL, cases[i].entry);
		else
			ok(problem != NULL && strstr(problem, cases[i].problem) != NULL,
			   cases[i].entry);
	}
}

int
main(void)
{
	test_roots();
	test_clouds();
	test_hosts();
	return done();
}
