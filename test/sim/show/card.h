/*
 * card.h
 *	  Adaptive Cards as text.
 */
#ifndef SIM_CARD_H
#define SIM_CARD_H

#include "base/memory.h"

#include <jansson.h>

extern void sim_draw_card(SimList *lines, const json_t *card, size_t width);

#endif							/* SIM_CARD_H */
