/*
 * render.c
 *	  What SQL calls to fill in templates, and to see what can be sent of the
 *	  result.
 *
 * teams_render() and what else knows where templates are kept is SQL (see the
 * extension's script); here is what becomes of their JSON.
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

/* The template whose body and name are the arguments of these numbers. */
static Template *
prepare_argument(FunctionCallInfo fcinfo, int body, int name)
{
	char	   *template_name = NULL;

	if (PG_ARGISNULL(body))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("template must not be null")));
	if (!PG_ARGISNULL(name))
		template_name = text_to_cstring(PG_GETARG_TEXT_PP(name));
	return template_prepare(PG_GETARG_JSONB_P(body), template_name);
}

/*
 * teams_expand(template jsonb, data jsonb, name text): what the template
 * becomes; NULL if nothing is left of it.  The name, which may be NULL, is for
 * errors.
 */
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

/*
 * teams_check_template(body jsonb, name text): true, or the error that the
 * template would raise whatever its data; true also for NULL.
 */
Datum
teams_check_template(PG_FUNCTION_ARGS)
{
	if (!PG_ARGISNULL(0))
		(void) prepare_argument(fcinfo, 0, 1);
	PG_RETURN_BOOL(true);
}

/*
 * teams_activity_problem(activity jsonb): why nobody would see the activity;
 * NULL if somebody would.
 */
Datum
teams_activity_problem(PG_FUNCTION_ARGS)
{
	const char *hint;
	const char *problem = activity_problem(PG_GETARG_JSONB_P(0), &hint);

	if (problem == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(problem));
}

/*
 * teams_unsendable(activity json): why it cannot be sent at all (see rules.h);
 * NULL if it can.
 */
Datum
teams_unsendable(PG_FUNCTION_ARGS)
{
	const char *problem = rules_json_problem(PG_GETARG_DATUM(0));

	if (problem == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(problem));
}
