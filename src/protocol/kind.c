/*
 * kind.c
 *	  What a row of the outbox asks for: the tables made of kindlist.h.
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "protocol/kind.h"

/* A message needs an installation, and brings it about where there is none. */
const KindTraits kind_traits[] = {
#define MESSAGE_KIND(name, word, has_activity, has_referent) \
	[name] = {false, has_activity, has_referent, OP_INSTALL, \
	ABSENCE_IS_MENDED, false},
#define JOB_KIND(name, word, function, operation, absence, needs_version) \
	[name] = {true, false, false, operation, absence, needs_version},
#include "protocol/kindlist.h"
};

static const char *const words[] = {
#define MESSAGE_KIND(name, word, has_activity, has_referent) [name] = word,
#define JOB_KIND(name, word, function, operation, absence, needs_version) \
	[name] = word,
#include "protocol/kindlist.h"
};

const WordList kind_words = {words, lengthof(words)};
