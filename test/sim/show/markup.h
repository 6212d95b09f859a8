/*
 * markup.h
 *	  Texts of messages as Teams shows them.
 */
#ifndef SIM_MARKUP_H
#define SIM_MARKUP_H

extern char *sim_read_markup(const char *text, const char *format);

#endif							/* SIM_MARKUP_H */
