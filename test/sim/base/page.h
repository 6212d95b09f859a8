/*
 * page.h
 *	  Opaque texts that say where to go on.
 */
#ifndef SIM_PAGE_H
#define SIM_PAGE_H

#include "base/sim.h"

/* What a "next" link or continuation token remembers. */
typedef struct SimPage
{
	uint64_t	generation;		/* whose tokens are good */
	uint64_t	since;			/* changes to tell: after this one, */
	uint64_t	until;			/* up to this one */
	uint64_t	position;		/* where the page starts */
	char		select[256];	/* which properties */
} SimPage;

extern char *sim_page_write(const SimPage *page);
extern bool sim_page_read(SimPage *page, const char *text);

#endif							/* SIM_PAGE_H */
