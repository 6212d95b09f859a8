/*
 * parse.c
 *	  From the text of an expression to its tree.
 *
 * By precedence climbing, with the levels of ExpressionAntlrParser.g4, which
 * are unusual: == binds tighter than <, and ?: groups to the left.  Nothing is
 * known here of functions but that they have names: whether there is one, and
 * what it takes, is found out when the tree is bound (functions.c).
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"

#include "template/expression.h"

#define WHITE_SPACE " \t\r\n"

/* More arguments of a call than anybody writes. */
#define MAX_ARGUMENTS 100

typedef enum TokenType
{
	TOKEN_END,
	TOKEN_NUMBER,
	TOKEN_STRING,				/* with its quotes */
	TOKEN_NAME,
	TOKEN_SYMBOL,
	TOKEN_INVALID				/* a character that begins nothing */
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

typedef struct Operator
{
	const char *symbol;
	int			level;			/* a higher one binds tighter */
	bool		right;			/* whether it groups to the right */
} Operator;

static const Operator binary_operators[] = {
	{"^", 10, true},
	{"*", 9, false}, {"/", 9, false}, {"%", 9, false},
	{"+", 8, false}, {"-", 8, false},
	{"==", 7, false}, {"!=", 7, false},
	{"&", 6, false},
	{"<", 5, false}, {"<=", 5, false}, {">", 5, false}, {">=", 5, false},
	{"&&", 4, false},
	{"||", 3, false},
	{"??", 2, false},
};

#define CONDITION_LEVEL 1
#define LOWEST_LEVEL 0

static Expression *parse_level(Parser *parser, int level);

/* ----------
 * Tokens
 * ----------
 */

/* ASCII only, whatever the locale, as are letters. */
static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* What names consist of, besides digits. */
static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* Digits, and a fraction if digits follow the point. */
static int
number_token_length(const char *start, const char *end)
{
	const char *c = start;

	while (c < end && is_digit(*c))
		c++;
	if (c + 1 < end && *c == '.' && is_digit(c[1]))
		for (c++; c < end && is_digit(*c);)
			c++;
	return c - start;
}

/* A sign that may begin a name (#, @, @@ or $) has been seen, or a letter. */
static int
name_token_length(const char *start, const char *end)
{
	const char *c = start + 1;

	if (*start == '@' && c < end && *c == '@')
		c++;
	while (c < end && (is_letter(*c) || is_digit(*c)))
		c++;
	return c - start;
}

/* Up to the quote that closes it; 0 if none does. */
static int
string_token_length(const char *start, const char *end)
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

/* The longest operator or bracket that begins here; 0 if none does. */
static int
symbol_token_length(const char *start, const char *end)
{
	static const char *const pairs[] = {"==", "!=", "&&", "||", "<=", ">=",
	"??", "=>"};
	size_t		i;

	if (end - start > 1)
		for (i = 0; i < lengthof(pairs); i++)
			if (strncmp(start, pairs[i], 2) == 0)
				return 2;
	return *start != '\0' && strchr("+-!^*/%&<>()[].,:?", *start) ? 1 : 0;
}

/* Go on to the next token. */
static void
next_token(Parser *parser)
{
	const char *c = parser->token.start + parser->token.length;
	const char *end = parser->end;
	Token	   *token = &parser->token;

	while (c < end && *c != '\0' && strchr(WHITE_SPACE, *c) != NULL)
		c++;
	token->start = c;
	token->length = 0;
	if (c >= end)
	{
		token->type = TOKEN_END;
		return;
	}

	if (is_digit(*c))
	{
		token->type = TOKEN_NUMBER;
		token->length = number_token_length(c, end);
	}
	else if (is_letter(*c) || *c == '#' || *c == '@' || *c == '$')
	{
		token->type = TOKEN_NAME;
		token->length = name_token_length(c, end);
	}
	else if (*c == '\'' || *c == '"')
	{
		token->type = TOKEN_STRING;
		token->length = string_token_length(c, end);
	}
	else
	{
		token->type = TOKEN_SYMBOL;
		token->length = symbol_token_length(c, end);
	}
	if (token->length == 0)
	{
		token->type = TOKEN_INVALID;
		token->length = pg_mblen(c);
	}
}

/* The token to be looked at does not belong there. */
static void
fail_at_token(Parser *parser)
{
	const Token *token = &parser->token;
	int			position = pg_mbstrlen_with_len(parser->text,
												token->start - parser->text);

	ereport(ERROR,
			(errcode(ERRCODE_SYNTAX_ERROR),
			 errmsg("invalid expression: \"%.*s\"",
					(int) (parser->end - parser->text), parser->text),
			 token->type == TOKEN_END ?
			 errdetail("It ends too early.") :
			 errdetail("Unexpected \"%.*s\" at character %d.",
					   token->length, token->start, position + 1),
			 token->type == TOKEN_INVALID && IS_HIGHBIT_SET(*token->start) ?
			 errhint("Names have ASCII letters, digits and underscores; others are written as $data['name'].") : 0));
}

/* Is it this symbol that comes next? */
static bool
token_is(Parser *parser, const char *symbol)
{
	return parser->token.type == TOKEN_SYMBOL &&
		strncmp(parser->token.start, symbol, parser->token.length) == 0 &&
		symbol[parser->token.length] == '\0';
}

/* Pass over a symbol, if it comes next. */
static bool
take_symbol(Parser *parser, const char *symbol)
{
	if (!token_is(parser, symbol))
		return false;
	next_token(parser);
	return true;
}

/* Pass over a symbol that must come next. */
static void
expect_symbol(Parser *parser, const char *symbol)
{
	if (!take_symbol(parser, symbol))
		fail_at_token(parser);
}

/* The text of a token that must be of that type. */
static char *
take_text(Parser *parser, TokenType type)
{
	char	   *text;

	if (parser->token.type != type)
		fail_at_token(parser);
	text = pnstrdup(parser->token.start, parser->token.length);
	next_token(parser);
	return text;
}

/* ----------
 * Grammar
 * ----------
 */

/* What a letter behind a backslash stands for. */
static char
escaped_char(char c)
{
	switch (c)
	{
		case 'r':
			return '\r';
		case 'n':
			return '\n';
		case 't':
			return '\t';
		default:
			return c;
	}
}

/* What no escape sequence is stays as it is, with its backslash. */
static Expression *
parse_string(Parser *parser)
{
	char	   *quoted = take_text(parser, TOKEN_STRING);
	char		quote = quoted[0];
	char	   *end = quoted + strlen(quoted) - 1;
	char	   *from = quoted + 1;
	char	   *to = quoted;

	for (; from < end; from++)
	{
		if (*from == '\\' && from + 1 < end &&
			(from[1] == quote || strchr("rnt\\", from[1]) != NULL))
			*to++ = escaped_char(*++from);
		else
			*to++ = *from;
	}
	return expression_constant(value_string(quoted, to - quoted));
}

/* A name, or one of the words that are constants. */
static Expression *
parse_name(Parser *parser)
{
	char	   *name = take_text(parser, TOKEN_NAME);

	if (strcmp(name, "true") == 0 || strcmp(name, "false") == 0)
		return expression_constant(value_bool(name[0] == 't'));
	if (strcmp(name, "null") == 0)
		return expression_constant(value_null());
	if (strcmp(name, "undefined") == 0)
		return expression_constant(NULL);
	return expression_new(EXPRESSION_PROPERTY, name);
}

/*
 * An argument of a call, or two: "name => expression" is another way to write
 * "name, expression".
 */
static void
parse_argument(Parser *parser, Expression *call)
{
	Expression *argument;

	if (call->count >= MAX_ARGUMENTS)
		fail_at_token(parser);
	argument = parse_level(parser, LOWEST_LEVEL);
	expression_add(call, argument);
	if (argument->type == EXPRESSION_PROPERTY && argument->count == 0 &&
		take_symbol(parser, "=>"))
		expression_add(call, parse_level(parser, LOWEST_LEVEL));
}

/* The arguments of a call, up to and including the symbol that closes them. */
static Expression *
parse_call(Parser *parser, const char *name, const char *close)
{
	Expression *call = expression_new(EXPRESSION_CALL, name);

	if (take_symbol(parser, close))
		return call;
	do
		parse_argument(parser, call);
	while (take_symbol(parser, ","));
	expect_symbol(parser, close);
	return call;
}

/* A constant, a name, an array or parentheses. */
static Expression *
parse_primary(Parser *parser)
{
	Expression *expression;
	char	   *digits;

	switch (parser->token.type)
	{
		case TOKEN_NUMBER:
			digits = take_text(parser, TOKEN_NUMBER);
			return expression_constant(value_number(strtod(digits, NULL)));
		case TOKEN_STRING:
			return parse_string(parser);
		case TOKEN_NAME:
			return parse_name(parser);
		default:
			break;
	}
	if (take_symbol(parser, "["))
		return parse_call(parser, "createArray", "]");
	expect_symbol(parser, "(");
	expression = parse_level(parser, LOWEST_LEVEL);
	expect_symbol(parser, ")");
	return expression;
}

/*
 * A primary with what follows it: members, indexes, arguments.  Only a name
 * can be called; "a.b(c)" calls a function "a.b", which there is not.
 */
static Expression *
parse_postfix(Parser *parser)
{
	const char *start = parser->token.start;
	const char *end = start + parser->token.length;
	Expression *expression = parse_primary(parser);
	Expression *instance;

	for (;;)
	{
		instance = expression;
		if (take_symbol(parser, "."))
		{
			end = parser->token.start + parser->token.length;
			expression = expression_new(EXPRESSION_PROPERTY,
										take_text(parser, TOKEN_NAME));
			expression_add(expression, instance);
		}
		else if (take_symbol(parser, "["))
		{
			expression = expression_new(EXPRESSION_ELEMENT, NULL);
			expression_add(expression, instance);
			expression_add(expression, parse_level(parser, LOWEST_LEVEL));
			expect_symbol(parser, "]");
		}
		else if (token_is(parser, "(") &&
				 expression->type == EXPRESSION_PROPERTY)
		{
			next_token(parser);
			expression = parse_call(parser, pnstrdup(start, end - start), ")");
		}
		else
			return expression;
	}
}

/* A sign is an operator whose left operand is zero. */
static Expression *
parse_unary(Parser *parser)
{
	Expression *zero;

	check_stack_depth();
	if (take_symbol(parser, "!"))
		return expression_add(expression_new(EXPRESSION_CALL, "!"),
							  parse_unary(parser));
	if (!token_is(parser, "-") && !token_is(parser, "+"))
		return parse_postfix(parser);
	zero = expression_constant(value_number(0));
	if (take_symbol(parser, "-"))
		return expression_call_of_two("-", zero, parse_unary(parser));
	next_token(parser);
	return expression_call_of_two("+", zero, parse_unary(parser));
}

/* The binary operator that comes next, or NULL. */
static const Operator *
find_operator(Parser *parser)
{
	size_t		i;

	for (i = 0; i < lengthof(binary_operators); i++)
		if (token_is(parser, binary_operators[i].symbol))
			return &binary_operators[i];
	return NULL;
}

/* What follows the "?" of a condition. */
static Expression *
parse_condition(Parser *parser, Expression *condition)
{
	Expression *call = expression_new(EXPRESSION_CALL, "if");

	expression_add(call, condition);
	expression_add(call, parse_level(parser, LOWEST_LEVEL));
	expect_symbol(parser, ":");
	return expression_add(call, parse_level(parser, CONDITION_LEVEL + 1));
}

/* An expression of operators that bind at least as tight as the level. */
static Expression *
parse_level(Parser *parser, int level)
{
	Expression *left = parse_unary(parser);
	const Operator *operator;
	Expression *right;

	for (;;)
	{
		if (level <= CONDITION_LEVEL && take_symbol(parser, "?"))
		{
			left = parse_condition(parser, left);
			continue;
		}
		operator = find_operator(parser);
		if (operator == NULL || operator->level < level)
			return left;
		next_token(parser);
		right = parse_level(parser, operator->right ? operator->level :
							operator->level + 1);
		left = expression_call_of_two(operator->symbol, left, right);
	}
}

/*
 * The tree of one expression, without "${" and "}", whose calls are not bound
 * yet.  Raises an error that tells where the text cannot be understood.
 */
Expression *
expression_parse(const char *text, int length)
{
	Parser		parser = {text, text + length, {TOKEN_END, text, 0}};
	Expression *expression;

	next_token(&parser);
	expression = parse_level(&parser, LOWEST_LEVEL);
	if (parser.token.type != TOKEN_END)
		fail_at_token(&parser);
	return expression;
}
