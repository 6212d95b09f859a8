/*
 * card.h
 *	  What an Adaptive Card says.
 */
#ifndef TP_CARD_H
#define TP_CARD_H

#include "utils/jsonb.h"

extern char *card_summary(Jsonb *card);
extern char *card_without_macros(const char *text);

#endif							/* TP_CARD_H */
