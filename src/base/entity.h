/*
 * entity.h
 *	  Characters that are written as HTML names them.
 */
#ifndef TP_ENTITY_H
#define TP_ENTITY_H

extern int	entity_length(const char *text, unsigned int *code);

#endif							/* TP_ENTITY_H */
