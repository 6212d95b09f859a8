/*
 * graph_filter.c
 *	  The query options of OData that Graph's calls here take.
 */
#include "graph/graph_filter.h"
#include "base/memory.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static char *
skip_spaces(char *p)
{
	while (*p == ' ')
		p++;
	return p;
}

/* Read a word that a space ends, and end it there; NULL if there is none. */
static char *
take_word(char **rest)
{
	char	   *word = skip_spaces(*rest);
	char	   *end = word;

	while (isalnum((unsigned char) *end) || *end == '/' || *end == '_')
		end++;
	if (end == word || *end != ' ')
		return NULL;
	*end = '\0';
	*rest = end + 1;
	return word;
}

/* Read 'it''s' in place; NULL if that is not what is there. */
static char *
take_literal(char **rest)
{
	char	   *from = skip_spaces(*rest);
	char	   *literal = from + 1;
	char	   *to = literal;

	if (*from++ != '\'')
		return NULL;
	for (;;)
	{
		if (*from == '\0')
			return NULL;
		if (*from == '\'' && *++from != '\'')
			break;
		*to++ = *from++;
	}
	*rest = from;
	*to = '\0';
	return literal;
}

static bool
take_terms(SimFilter *filter, char *rest)
{
	for (;;)
	{
		char	   *path = take_word(&rest);
		char	   *operator = path != NULL ? take_word(&rest) : NULL;
		char	   *value;
		char	   *conjunction;

		if (operator == NULL || strcmp(operator, "eq") != 0 ||
			filter->nterms == SIM_FILTER_MAX_TERMS)
			return false;
		value = take_literal(&rest);
		if (value == NULL)
			return false;
		filter->paths[filter->nterms] = path;
		filter->values[filter->nterms++] = value;
		if (*skip_spaces(rest) == '\0')
			return true;
		if (*rest != ' ')
			return false;
		conjunction = take_word(&rest);
		if (conjunction == NULL || strcmp(conjunction, "and") != 0)
			return false;
	}
}

/*
 * Read "path eq 'value' and ...".  False if it is not of that form; then there
 * is nothing to free.
 */
bool
sim_filter_parse(SimFilter *filter, const char *text)
{
	memset(filter, 0, sizeof(*filter));
	filter->memory = sim_strdup(text);
	if (take_terms(filter, filter->memory))
		return true;
	sim_filter_free(filter);
	return false;
}

/* Free what sim_filter_parse() has made; not the structure itself. */
void
sim_filter_free(SimFilter *filter)
{
	free(filter->memory);
	memset(filter, 0, sizeof(*filter));
}

/* Is the word one of a list with commas? */
bool
sim_list_holds(const char *list, const char *word)
{
	size_t		length = strlen(word);

	while (list != NULL && *list != '\0')
	{
		size_t		item = strcspn(list, ",");

		if (item == length && strncmp(list, word, length) == 0)
			return true;
		list += item;
		if (*list == ',')
			list++;
	}
	return false;
}

/*
 * Are there only options from this list, with commas, and each once?  If not
 * *culprit is the one that is wrong.
 */
bool
sim_options_known(const SimUri *uri, const char *known, const char **culprit)
{
	for (int i = 0; i < uri->nparameters; i++)
	{
		*culprit = uri->names[i];
		if (!sim_list_holds(known, uri->names[i]))
			return false;
		for (int j = 0; j < i; j++)
		{
			if (strcmp(uri->names[j], uri->names[i]) == 0)
				return false;
		}
	}
	return true;
}
