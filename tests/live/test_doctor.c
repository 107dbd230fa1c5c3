/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Doctor tells the truth: for each hook that it names, this test loads and attaches an empty program of
 * the same kind itself, and both must agree on whether the kernel takes it.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/live/agent.h"
#include "tests/live/child.h"
#include "tests/live/server.h"
#include "tests/live/teardown.h"

static enum bpf_attach_type attach_type(const char *kind)
{
	if (!strcmp(kind, "tp_btf"))
		return BPF_TRACE_RAW_TP;
	return strcmp(kind, "fexit") ? BPF_TRACE_FENTRY : BPF_TRACE_FEXIT;
}

/* 0: the kernel takes an empty program there; else its errno. */
static int kernel_says(const char *kind, const char *target)
{
	static const struct bpf_insn empty[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = attach_type(kind));
	int prog, link, err = 0;

	libbpf_set_print(NULL);
	opts.attach_btf_id = libbpf_find_vmlinux_btf_id(target, opts.expected_attach_type);
	if ((int)opts.attach_btf_id < 0)
		return ENOENT;
	prog = bpf_prog_load(BPF_PROG_TYPE_TRACING, "live_empty", "GPL", empty, 2, &opts);
	if (prog < 0)
		return errno;
	link = bpf_raw_tracepoint_open(NULL, prog);
	if (link < 0)
		err = errno;
	else
		close(link);
	close(prog);
	return err;
}

static const char *field(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

/* Programs for one tracepoint may differ in what it hands over: of those one works where it is offered. */
static bool some_works(const json_t *variants, const char *kind, const char *target)
{
	const json_t *v;
	size_t i;

	json_array_foreach(variants, i, v)
		if (!strcmp(field(v, "kind"), kind) && !strcmp(field(v, "target"), target) &&
		    !strcmp(field(v, "result"), "works"))
			return true;
	return false;
}

static void compare(const json_t *variants, const json_t *variant)
{
	const char *kind = field(variant, "kind"), *target = field(variant, "target");
	int err = kernel_says(kind, target);

	print_message("%s/%s: kernel says %s, doctor says %s\n", kind, target,
		      err ? strerror(err) : "yes", field(variant, "result"));
	assert_int_equal(some_works(variants, kind, target), !err);
}

static void hooks_agree_with_the_kernel(void **state)
{
	json_t *report, *hooks, *hook, *variants, *variant;
	int compared = 0;
	char *text;
	size_t i, k;

	(void)state;
	need_live();
	text = shell(NULL, "%s doctor --json", agent_binary());
	report = json_loads(text, 0, NULL);
	hooks = json_object_get(report, "hooks");
	json_array_foreach(hooks, i, hook) {
		variants = json_object_get(hook, "variants");
		json_array_foreach(variants, k, variant) {
			compare(variants, variant);
			compared++;
		}
	}
	assert_true(compared >= 10);
	assert_true(json_is_true(json_object_get(report, "btf")));
	assert_true(json_is_true(json_object_get(report, "root")));
	json_decref(report);
	free(text);
}

/* The cgroup layout, by what is mounted. */
static void layout_agrees_with_mounts(void **state)
{
	const char *layout;
	json_t *report;
	bool v1, v2;
	char *text;

	(void)state;
	need_live();
	text = shell(NULL, "%s doctor --json", agent_binary());
	report = json_loads(text, 0, NULL);
	layout = field(json_object_get(report, "cgroup"), "layout");
	v1 = !shell_try(NULL, "grep -q ' - cgroup ' /proc/self/mountinfo");
	v2 = !shell_try(NULL, "grep -q ' - cgroup2 ' /proc/self/mountinfo");
	assert_string_equal(layout, v1 && v2 ? "hybrid" : v2 ? "v2" : "v1");
	json_decref(report);
	free(text);
}

static void without_root(void **state)
{
	char *text;

	(void)state;
	need_live();
	free(shell(NULL, "cp %s %s/tallyman && chmod 755 %s/tallyman", agent_binary(), workdir(),
		   workdir()));
	assert_int_equal(shell_try(&text,
				   "setpriv --reuid=nobody --regid=nogroup --clear-groups "
				   "%s/tallyman doctor",
				   workdir()),
			 1);
	assert_non_null(strstr(text, "CAP_BPF"));
	assert_non_null(strstr(text, "root"));
	free(text);
}

/* A kernel that was built without it, as far as a mount can play one. */
static void without_btf(void **state)
{
	char *text;

	(void)state;
	need_live();
	for (int i = 0; i < 2; i++) {
		assert_int_equal(shell_try(&text,
					   "unshare -m sh -c 'mount -t tmpfs none /sys/kernel/btf "
					   "&& exec %s %s'",
					   agent_binary(),
					   i ? "run --listen 127.0.0.1:0" : "doctor"),
				 1);
		assert_non_null(strstr(text, "/sys/kernel/btf/vmlinux"));
		assert_non_null(strstr(text, "CONFIG_DEBUG_INFO_BTF=y"));
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hooks_agree_with_the_kernel),
		cmocka_unit_test(layout_agrees_with_mounts),
		cmocka_unit_test(without_root),
		cmocka_unit_test(without_btf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
