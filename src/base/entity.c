/*
 * entity.c
 *	  Characters that are written as HTML names them.
 *
 * HTML has more than two thousand names.  Here are those of HTML 4 that people
 * write, and those of what Markdown and HTML take for their own.
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "base/entity.h"

/* The names of U+00A0 to U+00FF, in their order. */
static const char *const latin[] = {
	"nbsp", "iexcl", "cent", "pound", "curren", "yen", "brvbar", "sect",
	"uml", "copy", "ordf", "laquo", "not", "shy", "reg", "macr", "deg",
	"plusmn", "sup2", "sup3", "acute", "micro", "para", "middot", "cedil",
	"sup1", "ordm", "raquo", "frac14", "frac12", "frac34", "iquest",
	"Agrave", "Aacute", "Acirc", "Atilde", "Auml", "Aring", "AElig",
	"Ccedil", "Egrave", "Eacute", "Ecirc", "Euml", "Igrave", "Iacute",
	"Icirc", "Iuml", "ETH", "Ntilde", "Ograve", "Oacute", "Ocirc", "Otilde",
	"Ouml", "times", "Oslash", "Ugrave", "Uacute", "Ucirc", "Uuml", "Yacute",
	"THORN", "szlig", "agrave", "aacute", "acirc", "atilde", "auml", "aring",
	"aelig", "ccedil", "egrave", "eacute", "ecirc", "euml", "igrave",
	"iacute", "icirc", "iuml", "eth", "ntilde", "ograve", "oacute", "ocirc",
	"otilde", "ouml", "divide", "oslash", "ugrave", "uacute", "ucirc",
	"uuml", "yacute", "thorn", "yuml"
};

typedef struct NamedChar
{
	const char *name;
	unsigned int code;
} NamedChar;

static const NamedChar names[] = {
	{"OElig", 0x152}, {"oelig", 0x153}, {"Scaron", 0x160}, {"scaron", 0x161},
	{"Yuml", 0x178}, {"circ", 0x2c6}, {"tilde", 0x2dc}, {"ensp", 0x2002},
	{"emsp", 0x2003}, {"thinsp", 0x2009}, {"zwnj", 0x200c}, {"zwj", 0x200d},
	{"ndash", 0x2013}, {"mdash", 0x2014}, {"lsquo", 0x2018},
	{"rsquo", 0x2019}, {"sbquo", 0x201a}, {"ldquo", 0x201c},
	{"rdquo", 0x201d}, {"bdquo", 0x201e}, {"dagger", 0x2020},
	{"Dagger", 0x2021}, {"bull", 0x2022}, {"hellip", 0x2026},
	{"permil", 0x2030}, {"prime", 0x2032}, {"Prime", 0x2033},
	{"lsaquo", 0x2039}, {"rsaquo", 0x203a}, {"euro", 0x20ac},
	{"trade", 0x2122}, {"larr", 0x2190}, {"uarr", 0x2191}, {"rarr", 0x2192},
	{"darr", 0x2193}, {"harr", 0x2194}, {"minus", 0x2212}, {"le", 0x2264},
	{"ge", 0x2265}, {"ne", 0x2260}, {"asymp", 0x2248}, {"infin", 0x221e},
	{"radic", 0x221a}, {"sum", 0x2211}, {"Delta", 0x394}, {"alpha", 0x3b1},
	{"beta", 0x3b2}, {"gamma", 0x3b3}, {"delta", 0x3b4}, {"lambda", 0x3bb},
	{"mu", 0x3bc}, {"pi", 0x3c0}, {"sigma", 0x3c3}, {"tau", 0x3c4},
	{"omega", 0x3c9}, {"Omega", 0x3a9}, {"apos", 0x27}, {"amp", 0x26},
	{"lt", 0x3c}, {"gt", 0x3e}, {"quot", 0x22}, {"check", 0x2713},
	{"ast", 0x2a}, {"lowbar", 0x5f}, {"num", 0x23}, {"dollar", 0x24},
	{"percnt", 0x25}, {"plus", 0x2b}, {"comma", 0x2c}, {"period", 0x2e},
	{"sol", 0x2f}, {"bsol", 0x5c}, {"colon", 0x3a}, {"semi", 0x3b},
	{"equals", 0x3d}, {"quest", 0x3f}, {"commat", 0x40}, {"lsqb", 0x5b},
	{"lbrack", 0x5b}, {"rsqb", 0x5d}, {"rbrack", 0x5d}, {"grave", 0x60},
	{"lcub", 0x7b}, {"lbrace", 0x7b}, {"rcub", 0x7d}, {"rbrace", 0x7d},
	{"verbar", 0x7c}, {"vert", 0x7c}, {"lpar", 0x28}, {"rpar", 0x29},
	{"excl", 0x21}, {"Tab", 0x9}, {"NewLine", 0xa}, {"hat", 0x5e},
	{"NonBreakingSpace", 0xa0}
};

/* The longest name; digits of a number. */
#define MAX_NAME 16
#define MAX_DIGITS 7

/* The character of that name; 0 if there is none. */
static unsigned int
find_name(const char *name, int length)
{
	for (int i = 0; i < (int) lengthof(names); i++)
		if (strncmp(names[i].name, name, length) == 0 &&
			names[i].name[length] == '\0')
			return names[i].code;
	for (int i = 0; i < (int) lengthof(latin); i++)
		if (strncmp(latin[i], name, length) == 0 && latin[i][length] == '\0')
			return 0xA0 + i;
	return 0;
}

/* Of "&#169;" or "&#xA9;", up to its semicolon; 0 if there is none such. */
static unsigned int
read_number(const char *text, int length)
{
	bool		is_hex = text[2] == 'x' || text[2] == 'X';
	const char *digits = text + (is_hex ? 3 : 2);
	int			count = length - (int) (digits - text);
	unsigned long code;

	if (count < 1 || count > MAX_DIGITS ||
		(int) strspn(digits, is_hex ? "0123456789abcdefABCDEF" :
					 "0123456789") != count)
		return 0;
	code = strtoul(digits, NULL, is_hex ? 16 : 10);
	if (code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
		return 0;
	return (unsigned int) code;
}

/*
 * entity_length(): how long the character's name is that begins here with an
 * ampersand, and in *code which character it is.  0: it is the name of none,
 * and reads as it is.
 */
int
entity_length(const char *text, unsigned int *code)
{
	int			length = 1;

	while (length <= MAX_NAME + 1 && text[length] != '\0' &&
		   strchr("#abcdefghijklmnopqrstuvwxyz"
				  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", text[length]) != NULL)
		length++;
	if (text[length] != ';')
		return 0;
	*code = text[1] == '#' ? read_number(text, length) :
		find_name(text + 1, length - 1);
	return *code != 0 ? length + 1 : 0;
}
