/*
 * share.c
 *	  Whose people Graph is asked about first: a fair share for each sender.
 *
 * Graph's pace is slow, and a bot asks for a bounded number of targets at a
 * time.  A party gets another of these places only as long as it has fewer
 * than twice of what is free.  So one alone has two thirds, two have two
 * fifths each, and whoever comes next always finds some: nothing has to be
 * reserved or known of those who may come.
 */
#include "postgres.h"

#include "utils/hsearch.h"

#include "protocol/graph.h"
#include "worker/bot.h"
#include "worker/share.h"

/*
 * What a party has.  A party is whoever has a share: see PARTY_OF() in
 * outbox/due.c.
 */
typedef struct Share
{
	int64		party;
	int			places;
} Share;

static MemoryContext share_context;

/* Shares are kept in the context. */
void
share_open(MemoryContext context)
{
	share_context = context;
}

/* The bot's shares, for writing: the table is made when it is first needed. */
static HTAB *
shares_of(Bot *bot)
{
	HASHCTL		control = {0};

	if (bot->shares.parties != NULL)
		return bot->shares.parties;
	control.keysize = sizeof(int64);
	control.entrysize = sizeof(Share);
	control.hcxt = share_context;
	bot->shares.parties = hash_create("teams_proactive shares", 64, &control,
									  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	return bot->shares.parties;
}

/* A target of the party is being asked for: it takes a place. */
void
share_take(Bot *bot, int64 party)
{
	bool		found;
	Share	   *share = hash_search(shares_of(bot), &party, HASH_ENTER, &found);

	share->places = found ? share->places + 1 : 1;
	bot->shares.taken++;
}

/* It is not any more: the place that share_take() took is free. */
void
share_give_back(Bot *bot, int64 party)
{
	Share	   *share = hash_search(shares_of(bot), &party, HASH_FIND, NULL);

	bot->shares.taken--;
	if (--share->places == 0)
		hash_search(bot->shares.parties, &party, HASH_REMOVE, NULL);
}

/* A probe asks for one. */
static int
free_places(const Bot *bot)
{
	int			most = bot_is_probing(bot) ? 1 : SHARE_PLACES;

	return Max(0, most - bot->shares.taken);
}

/* How many places the party has. */
static int
places_of(const Bot *bot, int64 party)
{
	Share	   *share = bot->shares.parties == NULL ? NULL :
		hash_search(bot->shares.parties, &party, HASH_FIND, NULL);

	return share != NULL ? share->places : 0;
}

/* How many more it may get, with each of which one less is free. */
static int
room_beside(int places, int free)
{
	return Max(0, (2 * free - places + 2) / 3);
}

/* For how many more targets of the party may be asked now? */
int
share_room(const Bot *bot, int64 party)
{
	return room_beside(places_of(bot, party), free_places(bot));
}

/*
 * Has enough come back that it is worth while to read more of a party's rows?
 * Otherwise each place that is free would have the table read for one row.
 */
bool
share_has_shrunk(const Bot *bot, int64 party)
{
	int			free = free_places(bot);

	return free > 0 && places_of(bot, party) <= free;
}

/* The same for those of anybody: is there room for a batch? */
bool
share_has_places(const Bot *bot)
{
	return free_places(bot) >=
		(bot_is_probing(bot) ? 1 : GRAPH_BATCH_MAX);
}

/*
 * The party "first", and all others that have no room.  Returns how many, and
 * which in *parties, palloc'd.
 */
int
share_without_room(const Bot *bot, int64 first, int64 **parties)
{
	HASH_SEQ_STATUS status;
	Share	   *share;
	long		most = bot->shares.parties == NULL ? 0 :
		hash_get_num_entries(bot->shares.parties);
	int			count = 1;

	*parties = palloc((most + 1) * sizeof(int64));
	(*parties)[0] = first;
	if (most == 0)
		return count;
	hash_seq_init(&status, bot->shares.parties);
	while ((share = hash_seq_search(&status)) != NULL)
		if (share->party != first &&
			room_beside(share->places, free_places(bot)) == 0)
			(*parties)[count++] = share->party;
	return count;
}
