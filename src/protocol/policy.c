/*
 * policy.c
 *	  What an answer means.
 *
 * What the services document about their errors stands in one table, read
 * from top to bottom: the first rule that fits decides, and it carries the
 * advice for people with it, so that action and hint cannot drift apart.
 * Codes come before statuses, because the same status means different things;
 * an unknown code is treated by its status.  The rules are contract 2.1
 * (Entra ID), 3.2 to 3.5 and 3.12 (Graph), 4.9 (Bot Connector) and 16.
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "base/trust.h"
#include "protocol/policy.h"

#define TOKEN	(1 << OP_TOKEN)
#define CATALOG (1 << OP_CATALOG)
#define LOOKUP	(1 << OP_LOOKUP)
#define INSTALL (1 << OP_INSTALL)
#define CHAT	(1 << OP_CHAT)
#define CHANNEL (1 << OP_CHANNEL)
#define UPGRADE (1 << OP_UPGRADE)
#define UNINSTALL (1 << OP_UNINSTALL)
#define SEND	(1 << OP_SEND)
#define THREAD	(1 << OP_THREAD)
#define EDIT	(1 << OP_EDIT)
#define DELETE	(1 << OP_DELETE)
#define DIRECTORY (1 << OP_DIRECTORY)
#define ROSTER	(1 << OP_ROSTER)
#define TARGET	(LOOKUP | INSTALL | CHAT | CHANNEL | UPGRADE | UNINSTALL)
#define GRAPH	(CATALOG | TARGET | DIRECTORY)
#define CHANGE	(EDIT | DELETE)
#define CONNECTOR (SEND | THREAD | CHANGE)

typedef struct Rule
{
	int			operations;		/* for these */
	int			from;			/* statuses from here */
	int			to;				/* up to here */
	const char *code;			/* with this code, NULL: any */
	const char *text;			/* and this in the message, NULL: any */
	Action		action;
	const char *hint;			/* may be NULL */
} Rule;

#define ENTRA_BUSY \
	"Entra ID has a passing fault; the request is repeated by itself."
#define ENTRA_OTHER_CLOUD \
	"Give teams_configure() the right tenant_id and cloud: there is no such " \
	"tenant there."
#define ENTRA_APP \
	"Give teams_configure() the right client_id, tenant_id and cloud: the " \
	"app registration must exist in that tenant, or an administrator of " \
	"the tenant must consent to it."
#define ENTRA_CERTIFICATE \
	"Check the bot's certificate and this server's clock: Entra ID does " \
	"not accept the signed assertion."
#define ENTRA_OTHER \
	"Check the bot's client_id, tenant_id, cloud and credential file, then " \
	"call teams_configure() with the right ones, or teams_resume()."
#define ROLE_INSTALL \
	"Grant the application permission " \
	"TeamsAppInstallation.ReadWriteSelfForUser.All to the bot's app " \
	"registration, have an administrator of the tenant consent to it, " \
	"then call teams_resume()."
#define ROLE_CATALOG \
	"Grant the application permission AppCatalog.Read.All to the bot's " \
	"app registration, have an administrator consent to it and call " \
	"teams_resume(); or give teams_configure() the teams_app_id, which " \
	"makes the look-up needless."
#define ROLE_DIRECTORY \
	"Grant the application permission User.Read.All, and for groups " \
	"GroupMember.Read.All, to the bot's app registration, have an " \
	"administrator of the tenant consent to it, then synchronise again."
#define ANEW \
	"Where to go on is not known to the service any more; all is read anew " \
	"by itself."
#define NOT_IN_TEAM \
	"Install the bot in the team, then synchronise again."
#define TOKEN_REFUSED \
	"The service does not accept the bot's token. Give teams_configure() " \
	"multi_tenant => true if the bot was registered as multi-tenant, false " \
	"if as single-tenant, and check its tenant_id and cloud: a token of " \
	"another tenant or cloud is refused."
#define OVERLOADED \
	"The service asks for fewer requests; the request is repeated by " \
	"itself."
#define UNAVAILABLE \
	"The service has a passing fault; the request is repeated by itself."
#define STRANGER \
	"Something between here and the service, such as a proxy, has answered " \
	"in its place."
#define TENANT_DISABLED \
	"Bots are disabled in the organization's tenant. Ask an administrator " \
	"to allow them, then call teams_resume()."
#define REDIRECTED \
	"Redirects are never followed. Check login_url, graph_url and " \
	"connector_url of teams_configure()."
#define BLOCKED_BY_USER \
	"The user has blocked, muted or removed the bot, and gets messages " \
	"again after writing to the bot or unblocking it."
#define NOT_INSTALLED \
	"The bot is not installed for the recipient. It is installed again if " \
	"teams_configure() was called with reinstall => true, or by " \
	"teams_ensure_installed()."
#define TOO_BIG \
	"The service takes up to 100 kB, counted as UTF-16. Send a shorter " \
	"message."

/* *INDENT-OFF* */
static const Rule rules[] = {

	/* Entra ID, contract 2.1: transient faults first, then those to mend */
	{TOKEN, 429, 429, NULL, NULL, ACTION_THROTTLED, OVERLOADED},
	{TOKEN, 300, 599, "AADSTS90033", NULL, ACTION_RETRY, ENTRA_BUSY},
	{TOKEN, 300, 599, "AADSTS90024", NULL, ACTION_RETRY, ENTRA_BUSY},
	{TOKEN, 300, 599, "AADSTS90006", NULL, ACTION_RETRY, ENTRA_BUSY},
	{TOKEN, 300, 599, "AADSTS90012", NULL, ACTION_RETRY, ENTRA_BUSY},
	{TOKEN, 300, 599, "AADSTS90090", NULL, ACTION_RETRY, ENTRA_BUSY},
	{TOKEN, 300, 599, "AADSTS90091", NULL, ACTION_RETRY, ENTRA_BUSY},
	{TOKEN, 300, 599, "AADSTS90055", NULL, ACTION_RETRY, OVERLOADED},
	{TOKEN, 300, 599, "AADSTS50196", NULL, ACTION_RETRY,
		"Entra ID saw too many equal requests for tokens. Check whether "
		"something else uses the same app registration."},
	{TOKEN, 300, 599, "AADSTS7000215", NULL, ACTION_PAUSE_BOT,
		"The client secret is wrong. Store its value, not its id, in the "
		"credential file, then call teams_resume()."},
	{TOKEN, 300, 599, "AADSTS7000222", NULL, ACTION_PAUSE_BOT,
		"The client secret has expired. Create a new one in Entra ID, store "
		"it in the credential file, then call teams_resume()."},
	{TOKEN, 300, 599, "AADSTS700016", NULL, ACTION_PAUSE_BOT, ENTRA_APP},
	{TOKEN, 300, 599, "AADSTS7000229", NULL, ACTION_PAUSE_BOT, ENTRA_APP},
	{TOKEN, 300, 599, "AADSTS500011", NULL, ACTION_PAUSE_BOT,
		"Give teams_configure() the right cloud: the service that the token "
		"is for does not exist in that tenant."},
	{TOKEN, 300, 599, "AADSTS90002", NULL, ACTION_PAUSE_BOT,
		ENTRA_OTHER_CLOUD},
	{TOKEN, 300, 599, "AADSTS90038", NULL, ACTION_PAUSE_BOT,
		ENTRA_OTHER_CLOUD},
	{TOKEN, 300, 599, "AADSTS700024", NULL, ACTION_PAUSE_BOT,
		ENTRA_CERTIFICATE},
	{TOKEN, 300, 599, "AADSTS700027", NULL, ACTION_PAUSE_BOT,
		ENTRA_CERTIFICATE},
	{TOKEN, 300, 599, "temporarily_unavailable", NULL, ACTION_RETRY,
		ENTRA_BUSY},
	{TOKEN, 300, 399, NULL, NULL, ACTION_PAUSE_BOT, REDIRECTED},
	{TOKEN, 408, 408, NULL, NULL, ACTION_RETRY, ENTRA_BUSY},
	{TOKEN, 400, 499, NULL, NULL, ACTION_PAUSE_BOT, ENTRA_OTHER},
	{TOKEN, 500, 599, NULL, NULL, ACTION_RETRY, ENTRA_BUSY},

	/*
	 * Graph, contract 3.4: a missing role is the tenant's affair, no verdict
	 * on the recipient.  What the catalog refuses holds for every message.
	 */
	{TARGET, 403, 403, NULL, "missing role permissions", ACTION_PAUSE_BOT,
		ROLE_INSTALL},
	{TARGET, 403, 403, "Authorization_RequestDenied", NULL, ACTION_PAUSE_BOT,
		ROLE_INSTALL},
	{CATALOG, 403, 403, NULL, NULL, ACTION_PAUSE_BOT, ROLE_CATALOG},
	{GRAPH, 401, 401, NULL, NULL, ACTION_REAUTH, TOKEN_REFUSED},
	{GRAPH, 408, 408, NULL, NULL, ACTION_RETRY, UNAVAILABLE},
	{GRAPH, 424, 424, NULL, NULL, ACTION_RETRY, UNAVAILABLE},
	{GRAPH, 429, 429, NULL, NULL, ACTION_THROTTLED, OVERLOADED},
	{GRAPH, 500, 599, NULL, NULL, ACTION_RETRY, UNAVAILABLE},
	/* Contract 3.11: links to go on with are good for a while only */
	{DIRECTORY, 410, 410, NULL, NULL, ACTION_LOOK_UP_AGAIN, ANEW},
	{DIRECTORY, 400, 499, "syncStateNotFound", NULL, ACTION_LOOK_UP_AGAIN,
		ANEW},
	{DIRECTORY, 400, 499, "resyncRequired", NULL, ACTION_LOOK_UP_AGAIN, ANEW},
	{DIRECTORY, 400, 499, "Directory_ExpiredPageToken", NULL,
		ACTION_LOOK_UP_AGAIN, ANEW},
	{DIRECTORY, 403, 403, NULL, NULL, ACTION_FAIL, ROLE_DIRECTORY},
	{DIRECTORY, 404, 404, NULL, NULL, ACTION_FAIL,
		"Check the group's id: the bot's tenant has no such group."},
	{CATALOG, 300, 399, NULL, NULL, ACTION_PAUSE_BOT, REDIRECTED},
	{CATALOG, 400, 499, NULL, NULL, ACTION_PAUSE_BOT,
		"Give teams_configure() the right manifest_id and cloud, or the "
		"teams_app_id."},
	{INSTALL, 409, 409, NULL, NULL, ACTION_OK, NULL},	/* is there */
	{UNINSTALL, 404, 404, NULL, NULL, ACTION_OK, NULL}, /* is gone */
	/* Contract 3.6: what was looked up is not true any more */
	{UPGRADE, 404, 409, NULL, NULL, ACTION_RETRY, UNAVAILABLE},
	{TARGET, 400, 400, NULL, NULL, ACTION_FAIL,
		"Check the user id, and that teams_app_id of teams_configure() is the "
		"id of the app in the catalog, not the one in its manifest."},
	{TARGET, 403, 403, NULL, NULL, ACTION_FAIL,
		"Check the policies in the Teams admin center: the app may be blocked "
		"for this user. Check also that webApplicationInfo.id in the app's "
		"manifest is the bot's client_id, and that the user is no guest."},
	/* Contract 3.12: so a new user looks for a while */
	{LOOKUP | INSTALL | CHANNEL, 404, 404, NULL, "failed to execute skype backend",
		ACTION_RETRY, UNAVAILABLE},
	{CHANNEL, 404, 404, NULL, NULL, ACTION_FAIL,
		"The team's General channel cannot be found. Post to one of its "
		"channels by its id."},
	{LOOKUP, 404, 404, NULL, NULL, ACTION_FAIL,
		"The user is not known to Teams. Check the user id, and that the user "
		"has a license for Teams."},
	{INSTALL, 404, 404, NULL, NULL, ACTION_FAIL,
		"Either the app is not in the organization's app catalog: give "
		"teams_configure() the teams_app_id that it has there, not the id in "
		"its manifest. Or the user is not known to Teams: check the user id "
		"and the user's license."},
	/* Contract 3.5: it is made some time after the installation */
	{CHAT, 404, 404, NULL, NULL, ACTION_RETRY,
		"The chat with the user does not exist yet; the request is repeated "
		"by itself."},
	{TARGET | DIRECTORY, 300, 399, NULL, NULL, ACTION_FAIL, REDIRECTED},

	/*
	 * Bot Connector, contract 4.4, 4.5 and 4.9.  A message that is not there
	 * is deleted; nothing is looked up or installed to change one.
	 */
	{CONNECTOR, 203, 299, NULL, NULL, ACTION_RETRY, STRANGER},
	{CONNECTOR, 401, 401, "BotNotRegistered", NULL, ACTION_REAUTH,
		"Register the bot in Azure with this client_id and switch its Teams "
		"channel on, then call teams_resume()."},
	{CONNECTOR, 400, 499, "TenantNoPermission", NULL, ACTION_PAUSE_BOT,
		TENANT_DISABLED},
	{CONNECTOR, 400, 499, "InvalidBotApiHost", NULL, ACTION_PAUSE_BOT,
		"The tenant is in the government cloud GCC: call teams_configure() "
		"with cloud => 'gcc', which makes the bot's service URL "
		"https://smba.infra.gcc.teams.microsoft.com/teams."},
	{DELETE, 404, 404, NULL, NULL, ACTION_OK, NULL},
	{EDIT, 404, 404, NULL, NULL, ACTION_FAIL,
		"The message does not exist any more: send a new one."},
	{CHANGE, 403, 403, NULL, NULL, ACTION_FAIL,
		"The bot may not change this message: it is not in the conversation "
		"any more, or the message is not its own."},
	{CHANGE, 400, 400, NULL, NULL, ACTION_FAIL,
		"The service does not understand the change. The conversation may be "
		"another bot's, or be gone; or check the attachments and card."},
	{CONNECTOR, 401, 401, NULL, NULL, ACTION_REAUTH, TOKEN_REFUSED},
	{CONNECTOR, 400, 499, NULL, "failed to decrypt conversation id",
		ACTION_LOOK_UP_AGAIN,
		"The conversation belongs to another bot or cloud; it is looked up "
		"again."},
	{CONNECTOR, 400, 499, "BotDisabledByAdmin", NULL, ACTION_BLOCKED,
		"An administrator has blocked the app for this user. Ask to allow it "
		"in the Teams admin center."},
	{CONNECTOR, 400, 499, "BotNotInConversationRoster", NULL,
		ACTION_INSTALL_AGAIN, NOT_INSTALLED},
	{CONNECTOR, 400, 499, "ForbiddenOperationException", NULL,
		ACTION_INSTALL_AGAIN, NOT_INSTALLED},
	{CONNECTOR, 400, 499, "ConversationBlockedByUser", NULL, ACTION_BLOCKED,
		BLOCKED_BY_USER},
	{CONNECTOR, 400, 499, "MessageWritesBlocked", NULL, ACTION_BLOCKED,
		BLOCKED_BY_USER},
	{CONNECTOR, 400, 499, "209", NULL, ACTION_BLOCKED, BLOCKED_BY_USER},
	{CONNECTOR, 400, 499, "NotEnoughPermissions", NULL, ACTION_FAIL,
		"The bot may not write to this conversation."},
	{CONNECTOR, 400, 499, "ConversationNotFound", NULL, ACTION_LOOK_UP_AGAIN,
		"The conversation does not exist any more; it is looked up again."},
	{CONNECTOR, 400, 400, NULL, NULL, ACTION_FAIL,
		"The service does not understand the message. Check its attachments "
		"and card."},
	{CONNECTOR, 403, 403, NULL, NULL, ACTION_FAIL,
		"Check that cloud (or connector_url) and tenant_id of "
		"teams_configure() belong together, and that the bot may write to "
		"this conversation."},
	{CONNECTOR, 404, 404, NULL, NULL, ACTION_FAIL,
		"Check cloud and connector_url of teams_configure()."},
	{CONNECTOR, 412, 412, NULL, NULL, ACTION_RETRY,
		"Something else used the same conversation at the same time; the "
		"request is repeated by itself."},
	{CONNECTOR, 413, 413, NULL, NULL, ACTION_FAIL, TOO_BIG},
	{CONNECTOR, 429, 429, NULL, NULL, ACTION_THROTTLED, OVERLOADED},
	{CONNECTOR, 500, 500, NULL, NULL, ACTION_FAIL,
		"Microsoft documents that this error must not be retried. It may have "
		"been done all the same: look into the chat before you repeat it."},
	{CONNECTOR, 502, 504, NULL, NULL, ACTION_RETRY, UNAVAILABLE},
	{CONNECTOR, 300, 399, NULL, NULL, ACTION_FAIL, REDIRECTED},

	/* Contract 4.6; reading does no harm, so it is always tried again. */
	{ROSTER, 401, 401, NULL, NULL, ACTION_REAUTH, TOKEN_REFUSED},
	{ROSTER, 400, 400, "BadArgument", NULL, ACTION_LOOK_UP_AGAIN, ANEW},
	{ROSTER, 400, 499, "TenantNoPermission", NULL, ACTION_FAIL,
		TENANT_DISABLED},
	{ROSTER, 403, 404, NULL, NULL, ACTION_FAIL, NOT_IN_TEAM},
	{ROSTER, 408, 412, NULL, NULL, ACTION_RETRY, UNAVAILABLE},
	{ROSTER, 429, 429, NULL, NULL, ACTION_THROTTLED, OVERLOADED},
	{ROSTER, 500, 599, NULL, NULL, ACTION_RETRY, UNAVAILABLE},
	{ROSTER, 300, 399, NULL, NULL, ACTION_FAIL, REDIRECTED},

	/* Statuses that are not documented must not be retried (4.9). */
	{CONNECTOR | TARGET | DIRECTORY | ROSTER, 400, 599, NULL, NULL, ACTION_FAIL,
		"This answer is not documented. Look up the error's code, or ask "
		"Microsoft's support with the correlation id."},
};
/* *INDENT-ON* */

/*
 * Whom an answer concerns, by what is done about it; the first line that fits
 * decides.  A block is told of the conversation (contract 4.9): one of a
 * channel says nothing about the rest of its team.  That the bot is not
 * installed, and whatever Graph says, is about the installation.
 */
static const struct
{
	int			operations;
	Action		action;
	Concern		concern;
}			concerns[] = {
	{TOKEN | CATALOG | GRAPH | CONNECTOR | ROSTER, ACTION_PAUSE_BOT, CONCERNS_BOT},
	{TOKEN | CATALOG | GRAPH | CONNECTOR | ROSTER, ACTION_REAUTH, CONCERNS_BOT},
	{TOKEN | CATALOG, ACTION_RETRY, CONCERNS_BOT},
	{TOKEN | GRAPH, ACTION_THROTTLED, CONCERNS_BOT},
	{TARGET, ACTION_RETRY, CONCERNS_INSTALLATION},
	{TARGET, ACTION_FAIL, CONCERNS_INSTALLATION},
	{CONNECTOR, ACTION_THROTTLED, CONCERNS_CONVERSATION},
	{CONNECTOR, ACTION_LOOK_UP_AGAIN, CONCERNS_CONVERSATION},
	{CONNECTOR, ACTION_BLOCKED, CONCERNS_CONVERSATION},
	{CONNECTOR, ACTION_INSTALL_AGAIN, CONCERNS_INSTALLATION},
};

/* Are the codes equal?  Case and spaces do not count (contract 4.0.5). */
static bool
same_code(const char *a, const char *b)
{
	for (;;)
	{
		while (*a == ' ')
			a++;
		while (*b == ' ')
			b++;
		if (pg_ascii_tolower((unsigned char) *a) !=
			pg_ascii_tolower((unsigned char) *b))
			return false;
		if (*a == '\0')
			return true;
		a++;
		b++;
	}
}

/* Does the text contain the part, which is in lower case? */
static bool
contains(const char *text, const char *part)
{
	size_t		length = strlen(part);

	for (; *text != '\0'; text++)
	{
		if (pg_strncasecmp(text, part, length) == 0)
			return true;
	}
	return false;
}

/* The first rule that fits, or NULL. */
static const Rule *
find_rule(Operation op, int status, const ServiceError *error)
{
	for (size_t i = 0; i < lengthof(rules); i++)
	{
		const Rule *rule = &rules[i];

		if ((rule->operations & (1 << op)) != 0 &&
			status >= rule->from && status <= rule->to &&
			(rule->code == NULL || same_code(rule->code, error->code)) &&
			(rule->text == NULL || contains(error->message, rule->text)))
			return rule;
	}
	return NULL;
}

/* What an HTTP answer means.  Codes are compared as contract 4.0.5 says. */
Action
policy_classify(Operation op, int status, const ServiceError *error)
{
	const Rule *rule = find_rule(op, status, error);

	if (rule != NULL)
		return rule->action;
	if (status >= 200 && status <= 299)
		return ACTION_OK;

	/* No final status at all, as when a batch left an item out (3.10) */
	if (status < 200)
		return ACTION_RETRY;
	return ACTION_FAIL;
}

/*
 * Whom an HTTP answer concerns.  CONCERNS_BOT is said only if the answer
 * itself proves it: how many people in a row were answered alike proves
 * nothing about the next.
 */
Concern
policy_concern(Operation op, int status, const ServiceError *error)
{
	Action		action = policy_classify(op, status, error);

	for (size_t i = 0; i < lengthof(concerns); i++)
		if ((concerns[i].operations & (1 << op)) != 0 &&
			concerns[i].action == action)
			return concerns[i].concern;
	return CONCERNS_MESSAGE;
}

/*
 * In plain words, what a person can do about an answer; a static sentence, or
 * NULL if there is nothing to say beyond the error itself.
 */
const char *
policy_hint(Operation op, int status, const ServiceError *error)
{
	const Rule *rule = find_rule(op, status, error);

	return rule != NULL ? rule->hint : NULL;
}

/*
 * May the request have been carried out although it was answered with this
 * status?  Of the service's or a gateway's failures only 503 says that it was
 * not (contract 4.0.4 and 4.9), and a success that is not documented is
 * somebody else's.
 */
bool
policy_may_be_done(int status)
{
	return (status >= 200 && status <= 299) ||
		(status >= 500 && status != 503);
}

/*
 * May the request have been carried out, by policy_may_be_done(), and is it
 * one that must not be carried out twice?
 */
bool
policy_is_ambiguous(Operation op, int status)
{
	return (op == OP_SEND || op == OP_THREAD) && policy_may_be_done(status);
}

/*
 * Store a service's code and message in *error, cleaned as by
 * trust_clean_copy().  NULL means "".  The strings are palloc'd.
 */
void
policy_set_error(ServiceError *error, const char *code, const char *message)
{
	error->code = trust_clean_copy(code, SERVICE_ERROR_MAX_CODE);
	error->message = trust_clean_copy(message, SERVICE_ERROR_MAX_MESSAGE);
}
