/*
 * fuzz_notify.c
 *	  Triggers that call teams_notify(), with any options and rows: the first
 *	  line says what kind of trigger, the next four are the row's texts, and
 *	  the others are options.
 */
#include "server.h"

#include "executor/spi.h"
#include "utils/builtins.h"

static const char *const kinds[] = {
	"AFTER INSERT OR UPDATE OR DELETE ON item FOR EACH ROW",
	"AFTER INSERT ON item REFERENCING NEW TABLE AS changed FOR EACH STATEMENT",
	"AFTER UPDATE ON item REFERENCING NEW TABLE AS changed FOR EACH STATEMENT",
	"AFTER DELETE ON item REFERENCING OLD TABLE AS former FOR EACH STATEMENT",
};

static void
run(const char *statement)
{
	SPI_execute(statement, false, 0);
}

void
fuzz_notify(char *input)
{
	const char *kind = next_line(&input);
	const char *values[4];
	StringInfoData trigger;

	for (int i = 0; i < 4; i++)
		values[i] = next_line(&input);
	initStringInfo(&trigger);
	appendStringInfo(&trigger,
					 "CREATE TRIGGER t %s EXECUTE FUNCTION teams_notify('t'",
					 kinds[(unsigned char) kind[0] % lengthof(kinds)]);
	while (*input != '\0')
		appendStringInfo(&trigger, ", %s",
						 quote_literal_cstr(next_line(&input)));
	appendStringInfoChar(&trigger, ')');
	run(trigger.data);
	query_value("INSERT INTO item VALUES (1, $1, $2, $3, nullif($4, '')),"
				" (2, $1, $2, NULL, $4), (3, $2, $1, $3, 'de')", 4, values);
	run("UPDATE item SET flag = NOT flag");
	run("DELETE FROM item");
}
