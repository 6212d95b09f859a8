/*
 * ddl.h
 *	  Notices the commands that workers have to know of.
 */
#ifndef TP_DDL_H
#define TP_DDL_H

/* While preloading: install the hooks. */
extern void ddl_install_hooks(void);

#endif							/* TP_DDL_H */
