/*
 * expression_token.h
 *	  The tokens of an expression.
 */
#ifndef TP_EXPRESSION_TOKEN_H
#define TP_EXPRESSION_TOKEN_H

typedef enum TokenType
{
	TOKEN_END,
	TOKEN_NUMBER,
	TOKEN_STRING,
	TOKEN_IDENTIFIER,
	TOKEN_SYMBOL,
	TOKEN_INVALID
} TokenType;

typedef struct Token
{
	TokenType	type;
	const char *start;
	int			length;
} Token;

typedef struct Parser
{
	const char *text;
	const char *end;
	Token		token;			/* the one to be looked at */
} Parser;

/* Go on to the next token. */
extern void next_token(Parser *parser);

#endif							/* TP_EXPRESSION_TOKEN_H */
