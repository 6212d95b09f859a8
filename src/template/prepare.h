/*
 * prepare.h
 *	  Templates as they are once they have been read.
 */
#ifndef TP_PREPARE_H
#define TP_PREPARE_H

#include "template/expression.h"
#include "template/template.h"

typedef enum TemplateNodeType
{
	NODE_LITERAL,				/* a scalar without expressions */
	NODE_EXPRESSION,			/* a string that is one expression */
	NODE_TEXT,					/* another string with expressions in it */
	NODE_ARRAY,
	NODE_OBJECT
} TemplateNodeType;

typedef struct TemplateNode
{
	TemplateNodeType type;
	JsonbValue *literal;		/* of all but arrays and objects: as written */
	char	   *where;			/* of an expression or text: its path */
	Expression **parts;			/* of an expression or text: what it is made
								 * of; of text, also constants */
	JsonbValue *keys;			/* of an object */
	struct TemplateNode **children; /* elements, or values of the keys */
	int			count;			/* of parts or children */
	struct TemplateNode *data;	/* $data, or NULL */
	struct TemplateNode *when;	/* $when, or NULL */
} TemplateNode;

struct Template
{
	const char *name;
	TemplateNode *root;
};

/*
 * Where in a template we are.  Between template_enter() and template_leave()
 * errors tell it in their context.
 */
typedef struct TemplatePlace
{
	const char *template_name;	/* or NULL */
	const char *where;			/* path within it, such as "body[0].text" */
	ErrorContextCallback callback;
} TemplatePlace;

extern void template_enter(TemplatePlace *place, const char *template_name);
extern void template_leave(TemplatePlace *place);

/* A shallow copy. */
static inline JsonbValue *
copy_json_value(const JsonbValue *value)
{
	JsonbValue *copy = palloc(sizeof(JsonbValue));

	*copy = *value;
	return copy;
}

#endif							/* TP_PREPARE_H */
