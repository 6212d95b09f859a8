/*
 * kind.h
 *	  What a row of the outbox asks for.
 *
 * A message goes to the Bot Connector; a job is something that Microsoft Graph
 * is asked about or for, at the target's installation.
 */
#ifndef TP_KIND_H
#define TP_KIND_H

#include "base/words.h"
#include "protocol/policy.h"

typedef enum Kind
{
#define MESSAGE_KIND(name, word, has_activity, has_referent) name,
#define JOB_KIND(name, word, function, operation, absence, needs_version) name,
#include "protocol/kindlist.h"
} Kind;

/* What it means for a kind that the bot is not where its target is. */
typedef enum Absence
{
	ABSENCE_IS_MENDED,			/* the bot is installed there */
	ABSENCE_IS_FAILURE,
	ABSENCE_IS_SUCCESS
} Absence;

/* A line of kindlist.h; messages have the operation OP_INSTALL. */
typedef struct KindTraits
{
	bool		is_job;
	bool		has_activity;
	bool		has_referent;
	Operation	operation;
	Absence		absence;
	bool		needs_version;
} KindTraits;

extern const KindTraits kind_traits[];
extern const WordList kind_words;

/* Is it asked of Graph?  Else it is a message. */
static inline bool
kind_is_job(Kind kind)
{
	return kind_traits[kind].is_job;
}

/* Is the bot installed for it where it is not? */
static inline bool
kind_installs(Kind kind)
{
	return kind_traits[kind].absence == ABSENCE_IS_MENDED;
}

/* Does it ask how things are, and leave them so? */
static inline bool
kind_only_looks(Kind kind)
{
	return kind_traits[kind].operation == OP_LOOKUP;
}

/* Is the bot not there any more, if its operation has succeeded? */
static inline bool
kind_uninstalls(Kind kind)
{
	return kind_traits[kind].operation == OP_UNINSTALL;
}

#endif							/* TP_KIND_H */
