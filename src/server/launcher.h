/*
 * launcher.h
 *	  The process that keeps a worker in every database with the extension.
 */
#ifndef TP_LAUNCHER_H
#define TP_LAUNCHER_H

/* While preloading: have the postmaster start the launcher. */
extern void launcher_register(void);

#endif							/* TP_LAUNCHER_H */
