/*
 * expression_parse.c
 *	  From the text of an expression to its tree.
 *
 * By precedence climbing, with the levels of ExpressionAntlrParser.g4, which
 * are unusual: == binds tighter than <, and ?: groups to the left.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"

#include "template/eval.h"
#include "template/token.h"

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

#define MAX_ARGUMENTS 100

static Expression *parse_level(Parser *parser, int level);

/* ----------
 * Errors
 * ----------
 */

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

/* ----------
 * Tokens
 * ----------
 */

static bool
token_is(Parser *parser, const char *symbol)
{
	return parser->token.type == TOKEN_SYMBOL &&
		parser->token.length == strlen(symbol) &&
		strncmp(parser->token.start, symbol, parser->token.length) == 0;
}

static bool
take(Parser *parser, const char *symbol)
{
	if (!token_is(parser, symbol))
		return false;
	next_token(parser);
	return true;
}

static void
expect(Parser *parser, const char *symbol)
{
	if (!take(parser, symbol))
		fail_at_token(parser);
}

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
 * Trees
 * ----------
 */

static Expression *
new_expression(ExpressionType type)
{
	Expression *expression = palloc0(sizeof(Expression));

	expression->type = type;
	return expression;
}

Expression *
expression_constant(JsonbValue *value)
{
	Expression *expression = new_expression(EXPRESSION_CONSTANT);

	expression->constant = value;
	return expression;
}

static Expression *
property(char *name, Expression *instance)
{
	Expression *expression = new_expression(EXPRESSION_PROPERTY);

	expression->name = name;
	if (instance != NULL)
	{
		expression->arguments = palloc(sizeof(Expression *));
		expression->arguments[expression->count++] = instance;
	}
	return expression;
}

static Expression *
element(Expression *instance, Expression *index)
{
	Expression *expression = new_expression(EXPRESSION_ELEMENT);

	expression->arguments = palloc(2 * sizeof(Expression *));
	expression->arguments[expression->count++] = instance;
	expression->arguments[expression->count++] = index;
	return expression;
}

/* What is known of the value of an expression before it is evaluated. */
static int
known_kinds(const Expression *expression)
{
	if (expression->type == EXPRESSION_CALL)
		return expression->function->result;
	if (expression->type != EXPRESSION_CONSTANT ||
		value_is_missing(expression->constant))
		return KIND_ANY;
	if (value_is_string(expression->constant))
		return KIND_STRING;
	return value_is_number(expression->constant) ? KIND_NUMBER : KIND_BOOLEAN;
}

static void
check_arguments(const Expression *call)
{
	const Function *function = call->function;
	int			i;

	if (call->count < function->min_arguments ||
		call->count > function->max_arguments)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("wrong number of arguments for %s: \"%s\"",
						function->name, expression_text(call)),
				 function->min_arguments == function->max_arguments ?
				 errdetail("It takes %d.", function->min_arguments) :
				 function->max_arguments == MANY_ARGUMENTS ?
				 errdetail("It takes %d or more.", function->min_arguments) :
				 errdetail("It takes between %d and %d.",
						   function->min_arguments, function->max_arguments)));

	for (i = 0; i < call->count; i++)
	{
		int			wanted = function->kinds[Min(i, lengthof(function->kinds) - 1)];
		int			known = known_kinds(call->arguments[i]);

		if (((wanted | known) & KIND_ANY) == 0 && (wanted & known) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("wrong argument for %s: \"%s\"", function->name,
							expression_text(call)),
					 errdetail("Argument %d, %s, is of the wrong type.", i + 1,
							   expression_text(call->arguments[i]))));
	}
}

Expression *
expression_call(const char *name, Expression **arguments, int count)
{
	Expression *call = new_expression(EXPRESSION_CALL);

	call->function = function_find(name);
	call->arguments = arguments;
	call->count = count;
	if (call->function == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("unknown function in an expression: %s()", name),
				 errhint("Known are %s.", function_names())));
	check_arguments(call);
	return call;
}

static Expression *
call_of_two(const char *name, Expression *left, Expression *right)
{
	Expression **arguments = palloc(2 * sizeof(Expression *));

	arguments[0] = left;
	arguments[1] = right;
	return expression_call(name, arguments, 2);
}

/* ----------
 * Grammar
 * ----------
 */

static char
escaped(char c)
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
			*to++ = escaped(*++from);
		else
			*to++ = *from;
	}
	return expression_constant(value_string(quoted, to - quoted));
}

static Expression *
parse_identifier(Parser *parser)
{
	char	   *name = take_text(parser, TOKEN_IDENTIFIER);

	if (strcmp(name, "true") == 0 || strcmp(name, "false") == 0)
		return expression_constant(value_bool(name[0] == 't'));
	if (strcmp(name, "null") == 0)
		return expression_constant(value_null());
	if (strcmp(name, "undefined") == 0)
		return expression_constant(NULL);
	return property(name, NULL);
}

/* Up to and including the closing symbol. */
static Expression *
parse_call(Parser *parser, const char *name, const char *close)
{
	Expression **arguments = palloc(MAX_ARGUMENTS * sizeof(Expression *));
	int			count = 0;

	if (!take(parser, close))
	{
		do
		{
			if (count == MAX_ARGUMENTS)
				fail_at_token(parser);
			arguments[count++] = parse_level(parser, 0);
		} while (take(parser, ","));
		expect(parser, close);
	}
	return expression_call(name, arguments, count);
}

static Expression *
parse_primary_start(Parser *parser)
{
	Expression *expression;

	switch (parser->token.type)
	{
		case TOKEN_NUMBER:
			return expression_constant(value_number(strtod(take_text(parser, TOKEN_NUMBER), NULL)));
		case TOKEN_STRING:
			return parse_string(parser);
		case TOKEN_IDENTIFIER:
			return parse_identifier(parser);
		default:
			break;
	}
	if (take(parser, "["))
		return parse_call(parser, "createArray", "]");
	expect(parser, "(");
	expression = parse_level(parser, 0);
	expect(parser, ")");
	return expression;
}

static Expression *
parse_primary(Parser *parser)
{
	const char *start = parser->token.start;
	const char *end = start + parser->token.length;
	Expression *expression = parse_primary_start(parser);

	for (;;)
	{
		if (take(parser, "."))
		{
			end = parser->token.start + parser->token.length;
			expression = property(take_text(parser, TOKEN_IDENTIFIER),
								  expression);
		}
		else if (take(parser, "["))
		{
			expression = element(expression, parse_level(parser, 0));
			expect(parser, "]");
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

static Expression *
parse_unary(Parser *parser)
{
	Expression **operand;

	check_stack_depth();
	if (take(parser, "!"))
	{
		operand = palloc(sizeof(Expression *));
		operand[0] = parse_unary(parser);
		return expression_call("!", operand, 1);
	}
	if (take(parser, "-"))
		return call_of_two("-", expression_constant(value_number(0)),
						   parse_unary(parser));
	if (take(parser, "+"))
		return call_of_two("+", expression_constant(value_number(0)),
						   parse_unary(parser));
	return parse_primary(parser);
}

static const Operator *
binary_operator(Parser *parser)
{
	int			i;

	for (i = 0; i < lengthof(binary_operators); i++)
		if (token_is(parser, binary_operators[i].symbol))
			return &binary_operators[i];
	return NULL;
}

static Expression *
parse_condition(Parser *parser, Expression *condition)
{
	Expression **arguments = palloc(3 * sizeof(Expression *));

	arguments[0] = condition;
	arguments[1] = parse_level(parser, 0);
	expect(parser, ":");
	arguments[2] = parse_level(parser, CONDITION_LEVEL + 1);
	return expression_call("if", arguments, 3);
}

/* An expression of operators that bind at least as tight as the level. */
static Expression *
parse_level(Parser *parser, int level)
{
	Expression *left = parse_unary(parser);
	const Operator *operator;

	for (;;)
	{
		if (level <= CONDITION_LEVEL && take(parser, "?"))
			left = parse_condition(parser, left);
		else if ((operator = binary_operator(parser)) != NULL &&
				 operator->level >= level)
		{
			next_token(parser);
			left = call_of_two(operator->symbol, left,
							   parse_level(parser, operator->right ?
										   operator->level :
										   operator->level + 1));
		}
		else
			return left;
	}
}

Expression *
expression_parse(const char *text, int length)
{
	Parser		parser = {text, text + length, {TOKEN_END, text, 0}};
	Expression *expression;

	next_token(&parser);
	expression = parse_level(&parser, 0);
	if (parser.token.type != TOKEN_END)
		fail_at_token(&parser);
	return expression;
}
