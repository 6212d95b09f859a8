/*
 * flight.c
 *	  What a message becomes on the wire: a new message or thread, a reply, or
 *	  the change of one that was sent.
 */
#include "postgres.h"

#include "protocol/connector.h"
#include "worker/flight.h"

static Operation
operation_of(const Target *target, const OutboxPost *row)
{
	if (row->kind == KIND_EDIT)
		return OP_EDIT;
	if (row->kind == KIND_DELETE)
		return OP_DELETE;
	return target_is_in_team(target) && !row->has_referent ? OP_THREAD : OP_SEND;
}

/* There are threads in channels only; a reply elsewhere is a message. */
Flight *
flight_new(MemoryContext context, Message *message, const OutboxPost *row)
{
	Flight	   *flight = MemoryContextAllocZero(context, sizeof(Flight));

	flight->message = message;
	flight->op = operation_of(message->target, row);
	if (row->conversation_id != NULL &&
		(flight->op != OP_SEND || target_is_in_team(message->target)))
		flight->conversation_id = MemoryContextStrdup(context,
													  row->conversation_id);
	if (row->activity_id != NULL && flight->op != OP_SEND)
		flight->activity_id = MemoryContextStrdup(context, row->activity_id);
	return flight;
}

void
flight_free(Flight *flight)
{
	if (flight->conversation_id != NULL)
		pfree(flight->conversation_id);
	if (flight->activity_id != NULL)
		pfree(flight->activity_id);
	pfree(flight);
}

void
flight_address(const Flight *flight, const OutboxPost *row,
			   HttpRequest *request)
{
	Target	   *target = flight->message->target;
	const char *service_url = message_service_url(flight->message);

	request->body = row->activity;
	switch (flight->op)
	{
		case OP_THREAD:
			request->url = connector_thread_url(service_url);
			request->body = connector_thread_request(target->bot->config->tenant_id,
													 target->chat_id,
													 row->activity);
			break;
		case OP_EDIT:
		case OP_DELETE:
			request->method = flight->op == OP_EDIT ? "PUT" : "DELETE";
			request->url = connector_activity_url(service_url,
												  flight->conversation_id,
												  flight->activity_id);
			break;
		default:
			request->url = connector_send_url(service_url,
											  flight->conversation_id ?
											  flight->conversation_id :
											  target->chat_id);
			break;
	}
	request->length = request->body != NULL ? strlen(request->body) : 0;
}

bool
flight_has_content(const Flight *flight, const OutboxPost *row)
{
	return row->activity != NULL || flight->op == OP_DELETE;
}

bool
flight_has_referent(const Flight *flight, const OutboxPost *row)
{
	if (flight->op == OP_EDIT || flight->op == OP_DELETE)
		return flight->conversation_id != NULL && flight->activity_id != NULL;
	return !row->has_referent || flight->conversation_id != NULL ||
		!target_is_in_team(flight->message->target);
}
