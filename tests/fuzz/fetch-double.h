/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Token services without a network, for programs that are linked with --wrap of
 * fetcher_new, fetcher_free and fetch_start: requests wait until a script answers them.
 */

#include "fetch.h"
#include "fuzz.h"

/* Answers the request that has waited longest; borrowed. Nothing happens without one. */
void fetch_double_answer(const struct fetch_reply *reply);
