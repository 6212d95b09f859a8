/*
 * catalog.h
 *	  Is the bot's app in the organisation's catalog?
 */
#ifndef TP_CATALOG_H
#define TP_CATALOG_H

#include "worker/target.h"

/*
 * Graph has answered that it has not got the app, or the person.  True if the
 * catalog is asked which of them: then the target is asked about anew when it
 * has answered, and if it has not got the app, the bot is paused.  False if it
 * was asked lately, or cannot be: then it is the person, as far as can be known.
 */
extern bool catalog_doubt(Target *target);

/* The app was installed somewhere: it is in the catalog. */
extern void catalog_note_app(Bot *bot);

/* Ask the catalog, if targets wait for that. */
extern void catalog_advance(Bot *bot);

#endif							/* TP_CATALOG_H */
