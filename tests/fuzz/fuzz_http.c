/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP requests in records that may be cut, lost and wrong: see records.h. */
#include "tests/fuzz/records.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_records(PROTO_HTTP, data, size);
}
