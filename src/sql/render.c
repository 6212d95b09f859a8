/*
 * render.c
 *	  The functions for templates that SQL calls.
 */
#include "postgres.h"

#include "base/compat.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "protocol/activity.h"
#include "protocol/rules.h"
#include "template/template.h"

SQL_FUNCTION(teams_expand);
SQL_FUNCTION(teams_check_template);
SQL_FUNCTION(teams_activity_problem);
SQL_FUNCTION(teams_unsendable);

static Template *
prepare_argument(FunctionCallInfo fcinfo, int body, int name)
{
	if (PG_ARGISNULL(body))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("template must not be null")));
	return template_prepare(PG_GETARG_JSONB_P(body), PG_ARGISNULL(name) ? NULL :
							text_to_cstring(PG_GETARG_TEXT_PP(name)));
}

Datum
teams_expand(PG_FUNCTION_ARGS)
{
	Template   *template = prepare_argument(fcinfo, 0, 2);
	Jsonb	   *expanded;

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("data must not be null")));
	expanded = template_expand(template, PG_GETARG_JSONB_P(1));
	if (expanded == NULL)
		PG_RETURN_NULL();
	PG_RETURN_JSONB_P(expanded);
}

/* True, or an error. */
Datum
teams_check_template(PG_FUNCTION_ARGS)
{
	if (!PG_ARGISNULL(0))
		(void) prepare_argument(fcinfo, 0, 1);
	PG_RETURN_BOOL(true);
}

/* Null, or why nobody would see it. */
Datum
teams_activity_problem(PG_FUNCTION_ARGS)
{
	const char *hint;
	const char *problem = activity_problem(PG_GETARG_JSONB_P(0), &hint);

	if (problem == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(problem));
}

/* Null, or why it cannot be sent at all; see rules.h. */
Datum
teams_unsendable(PG_FUNCTION_ARGS)
{
	const char *problem = rules_json_problem(PG_GETARG_DATUM(0));

	if (problem == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(problem));
}
