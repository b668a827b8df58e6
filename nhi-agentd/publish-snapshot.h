/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "nhi-agentd/agent.h"

/* The group in which every active account of ours is published a member, if the host has it. */
#define PUBLISH_MANAGED_GROUP "nhi-managed"

/* The bytes of the identity snapshot as the agent's store says it now, malloc'ed. */
int snapshot_image(Agent *a, uint64_t generation, uint8_t **ret, size_t *ret_size);
