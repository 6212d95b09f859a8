/*
 * schema.h
 *	  Whether the extension's schema is nobody's but superusers'.
 */
#ifndef TP_SCHEMA_H
#define TP_SCHEMA_H

/*
 * Raise an error unless only superusers can put objects into the schema.  It
 * must be called within a transaction; what was found holds until a catalog
 * that it depends on changes, so that asking again costs nothing.
 */
extern void schema_check(Oid schema);

#endif							/* TP_SCHEMA_H */
