/*
 * auth.c
 *	  Access tokens from Entra ID: requests as bytes, replies as structs.
 *
 * Nothing is known here of when a token is needed or where it is kept; the
 * caller owns the bytes and wipes them.  What comes back is checked before it
 * may become a header line: a token with a space or a line break in it would
 * let the token endpoint write headers of its own.
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "base/cloud.h"
#include "base/json.h"
#include "base/trust.h"
#include "protocol/auth.h"
#include "lib/stringinfo.h"

/* Tokens with many roles have some thousand bytes. */
#define MAX_TOKEN_LENGTH 16384

/* No token of Entra ID lives longer (contract 2.2): refresh it then. */
#define MAX_LIFETIME 86400.0

/* {login_url}/{tenant}/oauth2/v2.0/token (contract 2.1), palloc'd. */
char *
auth_token_url(const char *login_url, const char *tenant)
{
	StringInfoData url;

	initStringInfo(&url);
	appendBinaryStringInfo(&url, login_url,
						   (int) cloud_root_length(login_url));
	appendStringInfoChar(&url, '/');
	trust_append_escaped(&url, tenant);
	appendStringInfoString(&url, "/oauth2/v2.0/token");
	return url.data;
}

/* ----------
 * Kinds of credentials
 * ----------
 */

/*
 * Percent-encoding is stricter than form encoding requires, and right for the
 * characters of secrets that are easily got wrong: + / = ~
 */
static void
append_field(StringInfo form, const char *name, const char *value)
{
	if (form->len > 0)
		appendStringInfoChar(form, '&');
	appendStringInfo(form, "%s=", name);
	trust_append_escaped(form, value);
}

/*
 * What Entra ID would call a wrong secret, whichever it is: it has come into
 * the file with what it was pasted from, or is another column of the portal's
 * table.
 */
static const char *
client_secret_problem(const char *secret)
{
	size_t		length = strlen(secret);

	if (strncmp(secret, "\xEF\xBB\xBF", 3) == 0 ||
		strncmp(secret, "\xFF\xFE", 2) == 0 ||
		strncmp(secret, "\xFE\xFF", 2) == 0)
		return "The file begins with a byte order mark: write the secret as plain ASCII text.";
	if (strpbrk(secret, "\r\n") != NULL)
		return "The file has more than one line: the secret must be all that is in it.";
	if (strchr(" \t", secret[0]) != NULL ||
		strchr(" \t", secret[length - 1]) != NULL)
		return "There are blanks before or after the secret in the file.";
	if (trust_is_guid(secret))
		return "The file has the secret's id, a UUID: the secret is what Entra ID shows as its value, once, when it is made.";
	return NULL;
}

/* Contract 2.1: the secret itself. */
static const char *
append_client_secret(StringInfo form, const AuthRequest *request)
{
	append_field(form, "client_secret", request->credential);
	return NULL;
}

/*
 * All kinds of credentials, by what the file holds; the first that fits is it.
 * What cannot be a credential of that kind has a problem, a sentence, palloc'd
 * or static.  What proves to Entra ID that a request is the app's is appended
 * to the form; if it cannot be made of the credential, the problem is
 * returned, too.
 */
static const struct
{
	bool		(*fits) (const char *credential);	/* NULL: to any text */
	const char *(*problem) (const char *credential);
	const char *(*append_proof) (StringInfo form, const AuthRequest *request);
}			credential_kinds[] = {
	{NULL, client_secret_problem, append_client_secret},
};

static int
kind_of(const char *credential)
{
	int			kind = 0;

	while (credential_kinds[kind].fits != NULL &&
		   !credential_kinds[kind].fits(credential))
		kind++;
	return kind;
}

/*
 * What keeps what a file holds, which is not empty, from being a credential of
 * any kind, as a sentence without a word of it, or NULL.
 */
const char *
auth_credential_problem(const char *credential)
{
	return credential_kinds[kind_of(credential)].problem(credential);
}

/*
 * Append the form that asks for a token to what is empty (contract 2.1).  The
 * caller wipes it after use, even if something is wrong with the credential:
 * then that is returned, as a sentence; else NULL.
 */
const char *
auth_token_form(StringInfo form, const AuthRequest *request)
{
	int			kind = kind_of(request->credential);
	const char *problem = credential_kinds[kind].problem(request->credential);

	append_field(form, "grant_type", "client_credentials");
	append_field(form, "client_id", request->client_id);
	if (problem == NULL)
		problem = credential_kinds[kind].append_proof(form, request);
	append_field(form, "scope", request->scope);
	return problem;
}

/* ----------
 * Replies
 * ----------
 */

/* May it stand in a header line after "Bearer "? */
static bool
is_usable_token(const char *token)
{
	const char *p;

	for (p = token; *p != '\0'; p++)
	{
		if (*p <= ' ' || *p > '~')
			return false;
	}
	return p > token && p - token <= MAX_TOKEN_LENGTH;
}

/*
 * Read the reply to a 200.  reply->access_token, palloc'd, is NULL unless it
 * may be used: it must be visible ASCII without spaces and of sane length, of
 * a type that is understood, and its lifetime positive.
 */
void
auth_token_reply(const char *body, size_t length, AuthReply *reply)
{
	const JsonValue *doc = json_read(body, length, NULL);
	const char *token = json_string(json_member(doc, "access_token"));
	const char *type = json_string(json_member(doc, "token_type"));
	double		lifetime;

	reply->access_token = NULL;
	reply->expires_in = 0;

	if (token == NULL || !is_usable_token(token))
		return;

	/* RFC 6749 section 7.1: do not use a token of a type not understood */
	if (type != NULL && pg_strcasecmp(type, "Bearer") != 0)
		return;
	if (!json_number(json_member(doc, "expires_in"), &lifetime) ||
		lifetime <= 0)
		return;

	reply->access_token = pstrdup(token);
	reply->expires_in = Min(lifetime, MAX_LIFETIME);
}

/*
 * Read an error reply (contract 2.1).  The code is "AADSTS" and the first of
 * error_codes if there is one, else the OAuth error.
 */
void
auth_error(const char *body, size_t length, ServiceError *error)
{
	const JsonValue *doc = json_read(body, length, NULL);
	const JsonValue *number = json_first(json_member(doc, "error_codes"));
	const char *code = json_string(json_member(doc, "error"));

	if (number != NULL && number->kind == JSON_KIND_NUMBER)
		code = psprintf("AADSTS%s", number->text);
	policy_set_error(error, code,
					 json_string(json_member(doc, "error_description")));
}
