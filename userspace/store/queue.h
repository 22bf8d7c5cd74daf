/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queue.h: the records between store_append() and the disk, bounded in number and in bytes.
 *
 * Those taken for a batch count until they are dropped, since they still take memory; a failed batch just stays taken.
 * No lock of its own: `waiting` and the sums are guarded by the store's; `batch` belongs to the writer thread.
 */
#pragma once

#include <stdbool.h>

#include "store/record.h"

STAILQ_HEAD(store_record_list, store_record);

struct store_queue {
	struct store_record_list waiting;
	struct store_record_list batch; /* being written */
	size_t waiting_count;
	size_t batch_count;
	size_t batch_bytes;
	size_t bytes; /* of both */
	size_t count_max;
	size_t bytes_max;
};

void store_queue_init(struct store_queue *queue, size_t count_max, size_t bytes_max);
void store_queue_release(struct store_queue *queue); /* frees all records */

/* Takes the record. -EBUSY when it is full: the caller still owns the record. */
int store_queue_push(struct store_queue *queue, struct store_record *record);
/* Moves records from waiting to the empty batch, up to so many and about so many bytes. */
void store_queue_take_batch(struct store_queue *queue, size_t count_max, size_t bytes_max);
/* Empties the batch into *ret_records, to be freed with store_records_free() outside the lock. */
void store_queue_drop_batch(struct store_queue *queue, struct store_record_list *ret_records);
void store_records_free(struct store_record_list *records);
