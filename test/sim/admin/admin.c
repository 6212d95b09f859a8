/*
 * admin.c
 *	  The administration port: what tests ask and tell the simulator.
 */
#include "admin/admin.h"
#include "base/memory.h"
#include "http/reply.h"
#include "service/entra.h"
#include "service/fault.h"
#include "service/quota.h"
#include "service/stats.h"
#include "tenant/message.h"

#include <stdlib.h>
#include <string.h>

static const char help[] =
"Administration of teams-sim.  Bodies are JSON.\n"
"\n"
"POST   /reset             forget everything but the settings\n"
"POST   /config            add bots, apps, users, groups and so on:\n"
"   {\"bots\": [{\"client_id\", \"client_secret\", \"tenant_id\",\n"
"       \"display_name\"?, \"roles\"? [...], \"multi_tenant\"?,\n"
"       \"secret_expired\"?, \"teams_app_id\"?, \"manifest_id\"?,\n"
"       \"version\"?}],\n"
"    \"apps\": [{\"teams_app_id\", \"external_id\", \"display_name\",\n"
"       \"distribution_method\"?, \"version\"?, \"client_id\"?}],\n"
"    \"users\": [{\"id\", \"upn\", \"display_name\"?, \"guest\"?,\n"
"       \"disabled\"?, \"no_teams\"?, \"blocked\"?,\n"
"       \"preferred_language\"?}],\n"
"    \"generate_users\": {\"count\", \"upn\" (with %d), \"display_name\"?,\n"
"       \"first\"?, \"id_prefix\"? (8 hex digits), \"installed\"?,\n"
"       \"app\"?, \"preferred_languages\"? [...] (by turns)},\n"
"    \"groups\": [{\"id\", \"display_name\"?, ROSTER, \"groups\"? [...]}],\n"
"    \"teams\": [{\"id\", \"display_name\"?, ROSTER, \"general\"? (an id),\n"
"       \"channels\"? [{\"name\", \"id\"?}, ...]}],\n"
"    \"chats\": [{\"id\" (19:...@thread.v2), \"display_name\"?, ROSTER}],\n"
"    \"installations\": [{\"user\" or \"target\" (of a user, team, chat),\n"
"       \"app\", \"version\"?}],\n"
"    \"settings\": {...}}\n"
"   ROSTER is \"members\"? [ids or UPNs], \"owners\"? [...],\n"
"   \"generated\"? {\"count\", \"first\"?, \"id_prefix\"?}: members that\n"
"   generate_users made.  In teams and chats owners are members.\n"
"GET    /settings          the settings\n"
"POST   /settings          change some: latency_ms, enforce_quotas,\n"
"                          token_lifetime, chat_404_polls,\n"
"                          strict_conversations, forget_messages,\n"
"                          delta_page_size\n"
"POST   /faults            script a fault; returns its id:\n"
"   {\"service\"?, \"operation\"?, \"user\"?, \"target\"? (of a team,\n"
"    chat, channel or group), \"text\"?, \"skip\"?, \"count\"?,\n"
"    \"status\"?, \"code\"?, \"message\"?, \"headers\"?,\n"
"    \"body\"?, \"content_type\"?, \"delay_ms\"?, \"close\"?\n"
"    (before, after), \"carry_out\"?, \"truncate\"?}\n"
"GET    /faults            all of them, with the number of their hits\n"
"DELETE /faults            forget them\n"
"GET    /messages          [?conversation=|user=][&limit=][&after=seq];\n"
"                          a conversation may be \"channel;messageid=N\"\n"
"GET    /messages/count    {\"count\": n} of all that were accepted\n"
"GET    /duplicates        texts that reached a chat more than once\n"
"GET    /stats             counters\n"
"POST   /stats/reset       set them to zero\n"
"GET    /transcript        the chats, as plain text\n"
"GET    /installations     [?user=|target=][&limit=]\n"
"DELETE /installations     ?user=|target=&app= (or as a body): uninstall by\n"
"                          hand\n"
"POST   /users             {\"user\", \"disabled\"?, \"guest\"?,\n"
"                          \"no_teams\"?, \"blocked\"?, \"display_name\"?,\n"
"                          \"preferred_language\"?}: change one\n"
"DELETE /users             ?user= (or as a body): remove from the directory\n"
"GET    /teams             [?team=] with their channels and rosters' sizes\n"
"POST   /delta/expire      let all delta tokens be answered with 410\n"
"POST   /block             {\"user\", \"blocked\"? (true)}\n"
"POST   /tokens/expire     make all tokens invalid\n";

/* Answer that all went well. */
void
sim_admin_done(AdminContext *context)
{
	sim_reply_json(context->reply, 200, json_pack("{sb}", "ok", 1));
}

/* Answer with a problem that was found, or that there is none. */
static void
done_or(AdminContext *context, char *problem)
{
	if (problem == NULL)
		sim_admin_done(context);
	else
		sim_admin_error(context->reply, 400, "%s", problem);
	free(problem);
}

static void
get_help(AdminContext *context)
{
	sim_reply_text(context->reply, 200, "text/plain; charset=utf-8",
				   sim_strdup(help));
}

static void
post_reset(AdminContext *context)
{
	sim_messages_reset();
	sim_tokens_expire();
	sim_faults_clear();
	sim_quota_reset();
	sim_state_reset();
	sim_stats_reset();
	sim_admin_done(context);
}

static void
post_config(AdminContext *context)
{
	done_or(context, sim_configure(context->body));
}

static void
get_settings(AdminContext *context)
{
	sim_reply_json(context->reply, 200, sim_settings_json());
}

static void
post_settings(AdminContext *context)
{
	done_or(context, sim_change_settings(context->body));
}

static void
get_faults(AdminContext *context)
{
	sim_reply_json(context->reply, 200, sim_faults_json());
}

static void
post_faults(AdminContext *context)
{
	char	   *problem;
	int			id = sim_fault_add(context->body, &problem);

	if (id > 0)
		sim_reply_json(context->reply, 200, json_pack("{si}", "id", id));
	else
		done_or(context, problem);
}

static void
delete_faults(AdminContext *context)
{
	sim_faults_clear();
	sim_admin_done(context);
}

static void
get_messages(AdminContext *context)
{
	sim_admin_messages(context->request, &context->uri);
}

static void
get_message_count(AdminContext *context)
{
	sim_reply_json(context->reply, 200,
				   json_pack("{sI}", "count",
							 (json_int_t) sim_message_count));
}

static void
get_duplicates(AdminContext *context)
{
	sim_reply_json(context->reply, 200, sim_duplicates_json());
}

static void
get_stats(AdminContext *context)
{
	sim_reply_json(context->reply, 200, sim_stats_json());
}

static void
post_stats_reset(AdminContext *context)
{
	sim_stats_reset();
	sim_admin_done(context);
}

static void
get_transcript(AdminContext *context)
{
	sim_reply_text(context->reply, 200, "text/plain; charset=utf-8",
				   sim_transcript());
}

static void
post_tokens_expire(AdminContext *context)
{
	sim_reply_json(context->reply, 200,
				   json_pack("{sI}", "expired",
							 (json_int_t) sim_tokens_expire()));
}

static const struct
{
	const char *method;
	const char *path;
	void		(*handle) (AdminContext *context);
	bool		needs_body;
}			routes[] = {
	{"GET", "", get_help, false},
	{"POST", "reset", post_reset, false},
	{"POST", "config", post_config, true},
	{"GET", "settings", get_settings, false},
	{"POST", "settings", post_settings, true},
	{"GET", "faults", get_faults, false},
	{"POST", "faults", post_faults, true},
	{"DELETE", "faults", delete_faults, false},
	{"GET", "messages", get_messages, false},
	{"GET", "messages/count", get_message_count, false},
	{"GET", "duplicates", get_duplicates, false},
	{"GET", "stats", get_stats, false},
	{"POST", "stats/reset", post_stats_reset, false},
	{"GET", "transcript", get_transcript, false},
	{"GET", "installations", sim_admin_installations, false},
	{"DELETE", "installations", sim_admin_uninstall, false},
	{"POST", "block", sim_admin_block, true},
	{"POST", "users", sim_admin_change_user, true},
	{"DELETE", "users", sim_admin_remove_user, false},
	{"GET", "teams", sim_admin_teams, false},
	{"POST", "delta/expire", sim_admin_expire_delta, false},
	{"POST", "tokens/expire", post_tokens_expire, false}
};

#define NROUTES ((int) (sizeof(routes) / sizeof(routes[0])))

/* Read the body; false if it was there, but no JSON object. */
static bool
read_body(AdminContext *context)
{
	const SimRequest *request = context->request;
	json_error_t error;

	if (request->oversized)
	{
		sim_admin_error(context->reply, 413, "the body is too large");
		return false;
	}
	if (request->length == 0)
		return true;
	context->body = json_loadb(request->body, request->length,
							   JSON_REJECT_DUPLICATES, &error);
	if (json_is_object(context->body))
		return true;
	sim_admin_error(context->reply, 400, "the body is not a JSON object%s%s",
					context->body == NULL ? ": " : "",
					context->body == NULL ? error.text : "");
	return false;
}

static void
dispatch(AdminContext *context)
{
	int			path_seen = 0;

	for (int i = 0; i < NROUTES; i++)
	{
		if (!sim_uri_matches(&context->uri, 0, routes[i].path))
			continue;
		path_seen++;
		if (strcmp(context->request->method, routes[i].method) != 0)
			continue;
		if (!read_body(context))
			return;
		if (routes[i].needs_body && context->body == NULL)
			sim_admin_error(context->reply, 400,
							"the body must be a JSON object");
		else
			routes[i].handle(context);
		return;
	}
	if (path_seen > 0)
		sim_admin_error(context->reply, 405, "the path does not take %s",
						context->request->method);
	else
		sim_admin_error(context->reply, 404,
						"there is nothing at this path; GET / lists all");
}

/* The callback of the administration port. */
void
sim_admin_handle(SimRequest *request)
{
	AdminContext context = {.request = request,.reply = &request->reply};
	const char *problem;

	if (!sim_uri_parse(&context.uri, request->target, &problem))
	{
		sim_admin_error(context.reply, 400, "%s", problem);
		return;
	}
	pthread_mutex_lock(&sim_lock);
	dispatch(&context);
	pthread_mutex_unlock(&sim_lock);
	json_decref(context.body);
	sim_uri_free(&context.uri);
}
