/* SPDX-License-Identifier: Apache-2.0 */
/* The words for states. */

#include "condition.h"

#include <errno.h>
#include <stdarg.h>

#include "text.h"

static const char *const names[] = {
    [CONDITION_SUCCESSFUL] = "ConfigurationSuccessful",
    [CONDITION_DESTINATION_NOT_FOUND] =
	"ConfigurationError-ReferencedDestination-NotFound",
    [CONDITION_FRAGMENT_NOT_FOUND] = "ConfigurationError-ReferencedFragment-NotFound",
    [CONDITION_TYPE_NOT_SUPPORTED] =
	"ConfigurationError-ReferencedDestination-TypeNotSupported",
    [CONDITION_PROXY_TYPE_NOT_SUPPORTED] =
	"ConfigurationError-ReferencedDestination-ProxyTypeNotSupported",
    [CONDITION_FRAGMENT_NOT_SUPPORTED] =
	"ConfigurationError-FragmentSpecification-NotSupported",
    [CONDITION_DUPLICATE_RESOURCE] =
	"ConfigurationError-DuplicateDestinationCustomResource",
    [CONDITION_NAME_ALREADY_PRESENT] =
	"ConfigurationError-K8sResourceWithNameAlreadyPresent",
    [CONDITION_ANNOTATION_INVALID] = "ConfigurationError-MultitenancyAnnotation-Invalid",
    [CONDITION_FAILED_TO_APPLY] = "FailedToApplyConfiguration",
    [CONDITION_SERVICE_CREATION_FAILED] = "ServiceCreationFailed",
    [CONDITION_CONFIGURATION_FAILED] = "ConfigurationFailed",
};
_Static_assert(ELEMENTSOF(names) == CONDITION_MAX, "a name for each");

const char *condition_name(enum condition c)
{
	return names[c];
}

void verdict_done(struct verdict *v)
{
	free(v->message);
	*v = (struct verdict){0};
}

int verdict_set(struct verdict *v, enum condition c, const char *format, ...)
{
	char *message;
	va_list ap;

	va_start(ap, format);
	message = text_vformat(format, ap);
	va_end(ap);
	if (!message)
		return -ENOMEM;
	if (v->condition != CONDITION_SUCCESSFUL) {
		free(message);
		return -EINVAL;
	}
	v->condition = c;
	v->message = message;
	return -EINVAL;
}
