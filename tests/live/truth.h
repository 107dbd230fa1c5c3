/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a measurement is judged on a machine that others use, too. What must hold whatever the noise is
 * asserted each time; what noise can only spoil is measured again. Figures are printed, and kept for
 * `make accuracy`.
 */
#ifndef TALLYMAN_LIVE_TRUTH_H
#define TALLYMAN_LIVE_TRUTH_H

#include <stdbool.h>

/* TALLYMAN_THOROUGH: the long runs that docs/accuracy.md is written from. */
bool thorough(void);

/* Measures until it is true, a few times at most; the test fails if it never was. */
void truth_holds(bool (*measure)(void *arg), void *arg);
void truth_holds_in(int tries, bool (*measure)(void *arg), void *arg);

/*
 * One figure of the measurement under way, with its bound: printed. `make accuracy` keeps those of the
 * measurement that held, or of the last one.
 */
void truth_figure(const char *what, const char *bound, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
