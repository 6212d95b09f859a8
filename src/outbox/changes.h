/*
 * changes.h
 *	  Messages that change others, and where those are.
 *
 * All functions are for SQL functions, in their callers' transactions, with
 * the rights of the tables' owner.
 */
#ifndef TP_CHANGES_H
#define TP_CHANGES_H

#include "utils/array.h"

#include "protocol/connector.h"

extern int	outbox_change(ArrayType *ids, const char *activity, Oid role,
						  MemoryContext context, int64 **new_ids);
extern bool outbox_read_link(int64 id, Oid role, ConnectorLink *link);

#endif							/* TP_CHANGES_H */
