/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In: user/workflows_odoo.yaml, at build time. Out: its bytes. The assembler reads the file from
 * the directory that the compiler runs in, which must be the top of the checkout; the Makefile
 * names the file as a prerequisite of this object, as no compiler lists it.
 */
#include "user/config_parts.h"

__asm__(".pushsection .rodata\n"
	".global tallyman_workflows_odoo\n"
	".global tallyman_workflows_odoo_end\n"
	"tallyman_workflows_odoo:\n"
	".incbin \"user/workflows_odoo.yaml\"\n"
	"tallyman_workflows_odoo_end:\n"
	".byte 0\n"
	".popsection\n");

extern const char tallyman_workflows_odoo[];
extern const char tallyman_workflows_odoo_end[];

struct str config_builtin_odoo(void)
{
	return (struct str){ tallyman_workflows_odoo,
			     (size_t)(tallyman_workflows_odoo_end - tallyman_workflows_odoo) };
}
