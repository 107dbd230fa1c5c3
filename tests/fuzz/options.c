/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AddressSanitizer as all fuzz targets run it: an allocation remembers two callers, not thirty, and what is
 * freed is kept for as long as one input needs it. All that it checks stays. ASAN_OPTIONS adds to these.
 */
const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
	return "malloc_context_size=2:quarantine_size_mb=4";
}
