/*
 * column_text.c
 *	  Columns of rows of users', as text.
 *
 * SQL gives no blanks behind a char(n) to a function that takes a text; what
 * is read from a row here has none either.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/lsyscache.h"

#include "sql/column_text.h"

/* By the type's own function, which may be anybody's. */
static char *
as_text(Datum value, Oid type, Oid output)
{
	char	   *text = OidOutputFunctionCall(output, value);
	size_t		length = strlen(text);

	if (getBaseType(type) == BPCHAROID)
		while (length > 0 && text[length - 1] == ' ')
			text[--length] = '\0';
	return text;
}

/* A column, counted from 1; NULL for null. */
char *
column_text(HeapTuple row, TupleDesc desc, int column)
{
	Oid			type = SPI_gettypeid(desc, column);
	Oid			output;
	bool		is_varlena;
	bool		isnull;
	Datum		value = SPI_getbinval(row, desc, column, &isnull);

	if (isnull)
		return NULL;
	getTypeOutputInfo(type, &output, &is_varlena);
	return as_text(value, type, output);
}

/*
 * The elements of an array, of however many dimensions, but for those that are
 * null; none for null.
 */
List *
column_array(HeapTuple row, TupleDesc desc, int column)
{
	Oid			type = get_base_element_type(SPI_gettypeid(desc, column));
	List	   *texts = NIL;
	Oid			output;
	bool		is_varlena;
	bool		isnull;
	Datum		value = SPI_getbinval(row, desc, column, &isnull);
	int16		length;
	bool		by_value;
	char		align;
	Datum	   *elements;
	bool	   *nulls;
	int			count;

	if (isnull)
		return NIL;
	getTypeOutputInfo(type, &output, &is_varlena);
	get_typlenbyvalalign(type, &length, &by_value, &align);
	deconstruct_array(DatumGetArrayTypeP(value), type, length, by_value,
					  align, &elements, &nulls, &count);
	for (int i = 0; i < count; i++)
		if (!nulls[i])
			texts = lappend(texts, as_text(elements[i], type, output));
	return texts;
}
