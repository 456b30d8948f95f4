/* SPDX-License-Identifier: Apache-2.0 */
/* A thread, waited for at once. */

#include "aside.h"

#include <malloc.h>
#include <pthread.h>

struct task {
	int (*work)(void *argument);
	void *argument;
	int result;
};

static void *run(void *argument)
{
	struct task *task = argument;

	task->result = task->work(task->argument);
	return NULL;
}

int aside_run(int (*work)(void *argument), void *argument)
{
	struct task task = {.work = work, .argument = argument};
	pthread_t thread;
	int r;

	r = pthread_create(&thread, NULL, run, &task);
	if (r == 0)
		r = pthread_join(thread, NULL);
	malloc_trim(0);
	return r != 0 ? -r : task.result;
}
