/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attribution: on whose behalf a request or a container works. Facts in, an owner (three ids) out.
 * What no rule knows is "unattributed"; what finds no room in the name table is "other".
 */
#ifndef TALLYMAN_ATTRIB_H
#define TALLYMAN_ATTRIB_H

#include <stdbool.h>
#include <stdint.h>

#include "user/config.h"
#include "user/event.h"
#include "user/lib/intern.h"
#include "user/owner.h"

#define ATTRIB_UNATTRIBUTED 2U /* id of "unattributed"; see intern.h for "" and "other" */

struct attrib;

/*
 * A cgroup's path in its hierarchy, or its container's label. NULL or "": not known (yet). The text
 * is used before either function is called for another cgroup.
 */
typedef const char *(*attrib_cgroup_fn)(void *ctx, uint64_t cgroup);

/* Borrows cfg. NULL: out of memory. */
struct attrib *attrib_new(const struct config *cfg, attrib_cgroup_fn path, attrib_cgroup_fn label,
			  void *ctx);
void attrib_free(struct attrib *a);

/*
 * The owner of a request. Facts about the client's end (cgroup, container, process) are tried
 * first, if known: the work is done on its behalf. Only if no rule at all matches with them are
 * those of the subject's own end tried. `container` is always where the work is done: the subject's
 * own cgroup. Remembered by the ids of the two, so neither may change what it says under the same
 * id.
 */
struct owner attrib_request(struct attrib *a, const struct subject *s, const struct statement *st);

/*
 * The same of a request that is done for an HTTP request, `context` (NULL: for none). The workflow is the
 * context's if a rule that asks for HTTP names one, else the request's own. The tenant is the
 * request's own; if no rule knows it, the context's.
 */
struct owner attrib_inherit(struct attrib *a, const struct subject *s, const struct statement *st,
			    const struct statement *context);

/* The owner of what a container does outside of any request: rules on cgroup and container only. */
struct owner attrib_cgroup(struct attrib *a, uint64_t cgroup);

/*
 * The owner of what is done for a payer, or of what its container does for itself (no payer): tenant and
 * workflow are the payer's, `container` is where the work is done.
 */
struct owner attrib_owner(struct attrib *a, const struct rec_owner *o);

/* What a shared server does for nobody: tenant `system`, unless a rule knows the container. */
struct owner attrib_server(struct attrib *a, uint64_t cgroup);

/* Both are of the same container, and of the same payer's. Containers without a name are not the same. */
bool attrib_same_owner(struct attrib *a, const struct rec_owner *x, const struct rec_owner *y);

/* A cgroup's path or label became known, changed, or is gone. Cheap if it was never asked about. */
void attrib_forget(struct attrib *a, uint64_t cgroup);

/*
 * Forgets all owners that are remembered; ids stay good. For when subject or statement ids start
 * anew.
 */
void attrib_flush(struct attrib *a);

/* The table that the ids of owners are of. Others may add names to it. */
struct intern *attrib_names(struct attrib *a);

#endif
