/*
 * template_internal.h
 *	  What the files template_*.c share.
 */
#ifndef TP_TEMPLATE_INTERNAL_H
#define TP_TEMPLATE_INTERNAL_H

#include "lib/stringinfo.h"

#include "template/expression.h"
#include "template/template.h"
#include "template/value.h"

typedef enum TemplateNodeType
{
	NODE_LITERAL,				/* a scalar without expressions */
	NODE_TEXT,					/* a string with expressions */
	NODE_ARRAY,
	NODE_OBJECT
} TemplateNodeType;

typedef struct TemplateNode
{
	TemplateNodeType	type;
	char	   *where;			/* of a text: path within the template */
	JsonbValue *literal;
	Expression *text;
	JsonbValue *keys;			/* of an object */
	struct TemplateNode **children;		/* elements, or values of the keys */
	int			count;
	struct TemplateNode *data;			/* $data, or NULL */
	struct TemplateNode *when;			/* $when, or NULL */
} TemplateNode;

struct Template
{
	const char *name;
	TemplateNode	   *root;
};

/* Where in the template we are, for the context of errors. */
typedef struct Place
{
	const char *template_name;
	StringInfoData where;
} Place;

/* template_prepare.c: have errors tell the place, until left */
extern void template_enter(Place *place, const char *template_name,
						   ErrorContextCallback *callback);
extern void template_leave(ErrorContextCallback *callback);

/* A shallow copy. */
extern JsonbValue *template_copy_value(const JsonbValue *value);

#endif							/* TP_TEMPLATE_INTERNAL_H */
