/*
 * test_words.c
 *	  Words of the tables, and what the kinds of rows are.
 */
#include "postgres_fe.h"

#include "base/words.h"
#include "protocol/kind.h"
#include "tap.h"

/* Each word is found, as long as it is, and no part or relative of it. */
static void
test_list(const WordList *list)
{
	for (int i = 0; i < list->count; i++)
	{
		const char *word = list->words[i];
		int			length = (int) strlen(word);

		is_int(words_find(list, word, length), i, word);
		is_int(words_find(list, psprintf("%sx", word), length), i,
			   "a word that does not end there");
		is_int(words_find(list, psprintf("%sx", word), length + 1), -1,
			   "a longer one");
		is_int(words_find(list, word, length - 1), -1, "a shorter one");
		ok(words_name(list, i) == word, "and back");
	}
	is_int(words_find(list, "", 0), -1, "no word");
}

static void
test_kinds(void)
{
	is_str(words_enumerate(&kind_words),
		   "send, edit, delete, install, upgrade, uninstall and check",
		   "all kinds");
	for (int i = 0; i < kind_words.count; i++)
		ok(kind_is_job(i) != (words_find(&kind_words, "delete", 6) >= i),
		   "messages come first");
	ok(kind_installs(KIND_SEND) && kind_installs(KIND_INSTALL) &&
	   !kind_installs(KIND_UPGRADE), "what brings the bot");
	ok(kind_uninstalls(KIND_UNINSTALL) && !kind_uninstalls(KIND_INSTALL),
	   "what takes it away");
	ok(kind_only_looks(KIND_CHECK) && !kind_only_looks(KIND_SEND),
	   "what leaves things as they are");
}

int
main(void)
{
	test_list(&kind_words);
	test_list(&scope_words);
	test_list(&priority_words);
	test_list(&delivery_words);
	test_list(&fate_words);
	test_list(&install_state_words);
	test_list(&list_source_words);
	test_kinds();
	return done();
}
