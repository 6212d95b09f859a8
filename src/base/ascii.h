/*
 * ascii.h
 *	  Kinds of characters of ASCII, whatever the locale.
 *
 * <ctype.h> would also ask it about bytes of other characters.
 */
#ifndef TP_ASCII_H
#define TP_ASCII_H

static inline bool
ascii_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool
ascii_is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool
ascii_is_alnum(char c)
{
	return ascii_is_alpha(c) || ascii_is_digit(c);
}

static inline bool
ascii_is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static inline bool
ascii_is_punct(char c)
{
	return c > ' ' && c < '\x7f' && !ascii_is_alnum(c);
}

#endif							/* TP_ASCII_H */
