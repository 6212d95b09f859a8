/*
 * template.h
 *	  Templates in the Adaptive Card Templating language.
 *
 * A template is JSON whose strings may have expressions in them, and whose
 * objects may have $data, which binds them to a part of the data, or repeats
 * them for each element of an array; and $when, without which being true they
 * are left out.
 */
#ifndef TP_TEMPLATE_H
#define TP_TEMPLATE_H

#include "utils/jsonb.h"

typedef struct Template Template;

/* Read one, so that mistakes show without data; then fill it in. */
extern Template *template_prepare(Jsonb *body, const char *name);
extern Jsonb *template_expand(Template *template, Jsonb *data);

#endif							/* TP_TEMPLATE_H */
