/*
 * databases.h
 *	  Which databases there are, as the launcher reads it.
 */
#ifndef TP_DATABASES_H
#define TP_DATABASES_H

#include "nodes/pg_list.h"

extern List *databases_list(void);
extern bool databases_have(Oid database);
extern const char *databases_name(Oid database);

#endif							/* TP_DATABASES_H */
