/* SPDX-License-Identifier: Apache-2.0 */
#include "store/queue.h"

#include <errno.h>
#include <stdlib.h>

void store_queue_init(struct store_queue *queue, size_t count_max, size_t bytes_max)
{
	*queue = (struct store_queue){.count_max = count_max, .bytes_max = bytes_max};
	STAILQ_INIT(&queue->waiting);
	STAILQ_INIT(&queue->batch);
}

void store_records_free(struct store_record_list *records)
{
	struct store_record *record;

	while ((record = STAILQ_FIRST(records))) {
		STAILQ_REMOVE_HEAD(records, link);
		free(record);
	}
}

void store_queue_release(struct store_queue *queue)
{
	store_records_free(&queue->waiting);
	store_records_free(&queue->batch);
	store_queue_init(queue, queue->count_max, queue->bytes_max);
}

int store_queue_push(struct store_queue *queue, struct store_record *record)
{
	if (queue->waiting_count + queue->batch_count >= queue->count_max ||
	    record->size_bytes > queue->bytes_max - queue->bytes)
		return -EBUSY;
	STAILQ_INSERT_TAIL(&queue->waiting, record, link);
	queue->waiting_count++;
	queue->bytes += record->size_bytes;
	return 0;
}

void store_queue_take_batch(struct store_queue *queue, size_t count_max, size_t bytes_max)
{
	struct store_record *record;

	while (queue->batch_count < count_max && queue->batch_bytes < bytes_max &&
	       (record = STAILQ_FIRST(&queue->waiting))) {
		STAILQ_REMOVE_HEAD(&queue->waiting, link);
		STAILQ_INSERT_TAIL(&queue->batch, record, link);
		queue->waiting_count--;
		queue->batch_count++;
		queue->batch_bytes += record->size_bytes;
	}
}

void store_queue_drop_batch(struct store_queue *queue, struct store_record_list *ret_records)
{
	STAILQ_INIT(ret_records);
	STAILQ_CONCAT(ret_records, &queue->batch);
	queue->bytes -= queue->batch_bytes;
	queue->batch_bytes = 0;
	queue->batch_count = 0;
}
