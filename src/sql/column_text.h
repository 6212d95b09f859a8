/*
 * column_text.h
 *	  Columns of rows of users', as text.
 */
#ifndef TP_COLUMN_TEXT_H
#define TP_COLUMN_TEXT_H

#include "access/htup.h"
#include "access/tupdesc.h"
#include "nodes/pg_list.h"

extern char *column_text(HeapTuple row, TupleDesc desc, int column);
extern List *column_array(HeapTuple row, TupleDesc desc, int column);

#endif							/* TP_COLUMN_TEXT_H */
