/*
 * installation.h
 *	  Finds out where a target's messages go, and installs the bot on the way.
 */
#ifndef TP_INSTALLATION_H
#define TP_INSTALLATION_H

#include "target.h"

/*
 * Targets that a bot asks for at a time; enough for full batches, and for what
 * may leave within a second of each of the calls.
 */
#define INSTALLATION_MAX_ASKING 200

/*
 * Begin to ask for a target that is TARGET_NEW.  If the bot was lost for it,
 * it is installed again only if that is wanted.
 */
extern void installation_ask(Target *target, bool may_reinstall);

/*
 * The next target that was being asked for and is TARGET_KNOWN now, or
 * TARGET_NEW again with a verdict that says why; NULL if there is none.
 */
extern Target *installation_take_finished(void);

/* Start anew, with nothing asked; what is found out lives in the context. */
extern void installation_open(MemoryContext context);

#endif							/* TP_INSTALLATION_H */
