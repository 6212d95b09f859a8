/*
 * installation.h
 *	  Finds out where a target's messages go, and installs the bot on the way.
 */
#ifndef TP_INSTALLATION_H
#define TP_INSTALLATION_H

#include "worker/target.h"

/*
 * Begin to ask about a target that is not being asked about: for the job with
 * that id, or for a message (then the id is 0), which wants no more than to get
 * there.  If the bot was lost for it, it is installed again only if that is
 * wanted.
 * last_code is that of the failure after which it is tried again, or "".
 */
extern void installation_ask(Target *target, Kind job, int64 job_id,
							 const char *last_code);

/*
 * The next target that was being asked about, or NULL if there is none.  It is
 * TARGET_KNOWN now if it can be written to, else TARGET_NEW: then the verdict
 * says why, or the bot is absent.
 */
extern Target *installation_take_finished(void);

/* Start anew, with nothing asked; what is found out lives in the context. */
extern void installation_open(MemoryContext context);

#endif							/* TP_INSTALLATION_H */
