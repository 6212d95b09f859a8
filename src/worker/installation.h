/*
 * installation.h
 *	  Finds out where a target's messages go, and installs the bot on the way.
 */
#ifndef TP_INSTALLATION_H
#define TP_INSTALLATION_H

#include "worker/target.h"

extern void installation_ask(Target *target);

/*
 * The next target that was being asked about, or NULL if there is none.  It is
 * TARGET_KNOWN now if it can be written to, else TARGET_NEW: then the verdict
 * says why, or the bot is absent.
 */
extern Target *installation_take_finished(void);

/* Start anew, with nothing asked; what is found out lives in the context. */
extern void installation_open(MemoryContext context);

#endif							/* TP_INSTALLATION_H */
