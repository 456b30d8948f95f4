/* SPDX-License-Identifier: Apache-2.0 */
/* Runs tests with Check. Each has a process of its own, so what it does to descriptors,
 * identity and environment is gone with it, and a leak fails the test that leaked. */

#include "check-program.h"

#include <stdlib.h>

/* Far above the second that a test may take, for loaded machines under a sanitizer. */
#define TIMEOUT_SEC 60

int check_program(const char *module, const TTest *const *tests, size_t n)
{
	Suite *suite = suite_create(module);
	TCase *tcase = tcase_create(module);
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, TIMEOUT_SEC);
	for (size_t i = 0; i < n; i++)
		tcase_add_test(tcase, tests[i]);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
