/*
 * slot.h
 *	  The life of a slot, from one worker of a database to the next.
 *
 * README.md shows the states and who brings about which change.
 */
#ifndef TP_SLOT_H
#define TP_SLOT_H

#include "server/shared.h"

/* The launcher. */
extern void slot_forget_starts(void);
extern Slot *slot_assign(Oid database, bool again);
extern void slot_release(Slot *slot);
extern void slot_begin_start(Slot *slot);
extern void slot_fail_start(Slot *slot);
extern void slot_drop_stale_hold(Slot *slot);

/* Whether there are enough, which the launcher alone finds out. */
extern void slot_set_no_room(bool no_room);
extern bool slot_has_no_room(void);

/* A worker. */
extern Slot *slot_attach(int index);
extern void slot_confirm(Slot *slot);
extern void slot_detach(Slot *slot, SlotState state);

/* Its trouble, as teams_worker shows it. */
extern void slot_note_error(Slot *slot, const char *message);
extern char *slot_last_error(const Slot *slot);

#endif							/* TP_SLOT_H */
