/*
 * expression_token.c
 *	  The tokens of an expression.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "template/token.h"

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_name_start(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		(c != '\0' && strchr("_#@$", c) != NULL);
}

static bool
is_name_part(char c)
{
	return is_digit(c) || c == '_' ||
		(c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int
number_length(const char *start, const char *end)
{
	const char *c = start;

	while (c < end && is_digit(*c))
		c++;
	if (c + 1 < end && *c == '.' && is_digit(c[1]))
		for (c++; c < end && is_digit(*c);)
			c++;
	return c - start;
}

static int
name_length(const char *start, const char *end)
{
	const char *c = start + 1;

	if (*start == '@' && c < end && *c == '@')
		c++;
	while (c < end && is_name_part(*c))
		c++;
	return c - start;
}

/* 0 if it has no end */
static int
string_length(const char *start, const char *end)
{
	const char *c;

	for (c = start + 1; c < end; c++)
	{
		if (*c == *start)
			return c - start + 1;
		if (*c == '\\' && c + 1 < end && (c[1] == *start || c[1] == '\\'))
			c++;
	}
	return 0;
}

static int
symbol_length(const char *start, const char *end)
{
	static const char *const pairs[] = {"==", "!=", "&&", "||", "<=", ">=", "??"};
	int			i;

	if (end - start > 1)
		for (i = 0; i < lengthof(pairs); i++)
			if (strncmp(start, pairs[i], 2) == 0)
				return 2;
	return *start != '\0' && strchr("+-!^*/%&<>()[].,:?", *start) ? 1 : 0;
}

void
next_token(Parser *parser)
{
	const char *c = parser->token.start + parser->token.length;
	Token	   *token = &parser->token;

	while (c < parser->end && strchr(" \t\r\n", *c) != NULL)
		c++;
	token->start = c;
	token->length = 0;
	if (c >= parser->end)
	{
		token->type = TOKEN_END;
		return;
	}

	if (is_digit(*c))
	{
		token->type = TOKEN_NUMBER;
		token->length = number_length(c, parser->end);
	}
	else if (is_name_start(*c))
	{
		token->type = TOKEN_IDENTIFIER;
		token->length = name_length(c, parser->end);
	}
	else if (*c == '\'' || *c == '"')
	{
		token->type = TOKEN_STRING;
		token->length = string_length(c, parser->end);
	}
	else
	{
		token->type = TOKEN_SYMBOL;
		token->length = symbol_length(c, parser->end);
	}
	if (token->length == 0)
	{
		token->type = TOKEN_INVALID;
		token->length = pg_mblen(c);
	}
}
