/* SPDX-License-Identifier: Apache-2.0 */
/* What a service manager hands over: as it should be, and in every way it should not. */

#include "listen-fds.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "apart.h"
#include "check-program.h"
#include "log.h"

#define FIRST_FD 3

/* An environment and the descriptors 3, 4, ... behind it. */
struct given {
	const char *label;
	const char *fds, *pid; /* NULL: unset; pid "own" is this process's */
	const char *names;     /* LISTEN_FDNAMES; NULL: unset */
	const char *name;      /* for all */
	const char *kinds;     /* a letter of make() for each descriptor */
	int want;
	const char *want_names; /* as they are found, with ':' behind each */
	const char *why;	/* part of the reason; NULL: there is none */
};

static int listen_unix(int type)
{
	/* autobind: an abstract name that nobody has */
	static const struct sockaddr_un any = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type, 0);

	return fd < 0 || bind(fd, (const void *)&any, sizeof(any.sun_family)) < 0 ||
		       listen(fd, 1) < 0
		   ? -1
		   : fd;
}

static int listen_tcp(int family)
{
	static const struct sockaddr_in ipv4 = {.sin_family = AF_INET};
	static const struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6};
	int fd = socket(family, SOCK_STREAM, 0);

	if (fd < 0 && family == AF_INET6)
		return listen_tcp(AF_INET); /* a host without IPv6 */
	return fd < 0 ||
		       bind(fd, family == AF_INET ? (const void *)&ipv4 : &ipv6,
			   family == AF_INET ? sizeof(ipv4) : sizeof(ipv6)) < 0 ||
		       listen(fd, 1) < 0
		   ? -1
		   : fd;
}

/* One of two ends; the other stays where it is in nobody's way. */
static int first_of(int pair[2])
{
	return fcntl(pair[1], F_DUPFD, 100) < 0 || close(pair[1]) < 0 ? -1 : pair[0];
}

static int make(char kind)
{
	int pair[2];

	switch (kind) {
	case 'T': /* listening */
		return listen_tcp(AF_INET);
	case '6':
		return listen_tcp(AF_INET6);
	case 'U':
		return listen_unix(SOCK_STREAM);
	case 'q': /* of another type */
		return listen_unix(SOCK_SEQPACKET);
	case 'd':
		return socket(AF_INET, SOCK_DGRAM, 0);
	case 'c': /* connected */
		return socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0 ? -1
								     : first_of(pair);
	case 'p': /* no socket */
		return pipe(pair) < 0 ? -1 : first_of(pair);
	case 'f':
		return open("/dev/null", O_RDWR);
	}
	return -1;
}

static const char *fault_of(const char *kinds, size_t i)
{
	switch (kinds[i]) {
	case 'q':
	case 'd':
		return "is no stream socket";
	case 'p':
	case 'f':
		return "is no socket";
	case 'x':
		return "is not open";
	case 'c':
		return strlen(kinds) > 1 ? "does not listen" : NULL;
	}
	return NULL;
}

static bool set(const char *variable, const char *value)
{
	char own[16];

	(void)snprintf(own, sizeof(own), "%d", (int)getpid());
	if (!value)
		return unsetenv(variable) == 0;
	return setenv(variable, strcmp(value, "own") == 0 ? own : value, 1) == 0;
}

/* In a process of its own. From here on Check's assertions would write to what is given. */
static const char *hand_over(const struct given *g)
{
	size_t n = strlen(g->kinds);

	close_range(FIRST_FD, ~0U, 0);
	for (size_t i = 0; i < n; i++) {
		int fd = make(g->kinds[i] == 'x' ? 'f' : g->kinds[i]);

		if (fd != FIRST_FD + (int)i)
			return "the test has descriptors of another number";
	}
	for (size_t i = 0; i < n; i++)
		if (g->kinds[i] == 'x')
			close(FIRST_FD + (int)i);
	return set("LISTEN_FDS", g->fds) && set("LISTEN_PID", g->pid) &&
		       set("LISTEN_FDNAMES", g->names)
		   ? NULL
		   : "the test cannot set its environment";
}

static const char *check_one(const struct given *g, const struct listen_fd *l, size_t i)
{
	const char *fault = fault_of(g->kinds, i);
	int flags;

	if (l->fault ? !fault || strcmp(l->fault, fault) != 0 : fault != NULL)
		return "a descriptor has another fault than it should";
	if (fault)
		return NULL;
	if (l->fd != FIRST_FD + (int)i)
		return "a descriptor is taken for another one";
	if (l->is_connected != (g->kinds[i] == 'c'))
		return "who listens is not told from who is connected";
	flags = fcntl(l->fd, F_GETFL);
	if (fcntl(l->fd, F_GETFD) != FD_CLOEXEC)
		return "a descriptor would go to other programs";
	if (!(flags & O_NONBLOCK) != l->is_connected)
		return "accepting would block, or a session's descriptor was changed";
	return NULL;
}

static const char *check_all(const struct given *g, const struct listen_fds *l)
{
	char names[256] = "";
	const char *wrong = NULL;

	for (size_t i = 0; i < l->n && !wrong; i++) {
		wrong = check_one(g, &l->list[i], i);
		(void)strncat(names, l->list[i].name, 100);
		(void)strcat(names, ":");
	}
	if (!wrong && strcmp(names, g->want_names) != 0)
		wrong = "there are other names than there should be";
	return wrong;
}

/* Of the first n, what is kept is what had no fault, in its order; the rest is closed. */
static const char *check_kept(const struct given *g, size_t n, const struct listen_fds *l)
{
	size_t at = 0;

	for (size_t i = 0; i < n; i++) {
		int fd = FIRST_FD + (int)i;

		if (fault_of(g->kinds, i)) {
			if (fcntl(fd, F_GETFD) >= 0)
				return "a faulty descriptor is still open";
			continue;
		}
		if (at == l->n || l->list[at].fd != fd || l->list[at].fault)
			return "a good descriptor is lost";
		if (fcntl(fd, F_GETFD) < 0)
			return "a good descriptor is closed";
		at++;
	}
	return at == l->n ? NULL : "more is kept than there is";
}

static const char *take(const void *row)
{
	const struct given *g = row;
	struct listen_fds l = {.n = 77};
	_cleanup_free_ char *why = NULL;
	const char *wrong = hand_over(g);
	size_t n;
	int r;

	if (wrong)
		return wrong;
	r = listen_fds_take(&l, g->name, &why);
	if (getenv("LISTEN_FDS") || getenv("LISTEN_PID") || getenv("LISTEN_FDNAMES"))
		return "the variables are still set";
	if (r != g->want)
		return "it returns something else";
	if (g->why ? !why || !strstr(why, g->why) : why != NULL)
		return "the reason is another one";
	n = l.n;
	wrong = check_all(g, &l);
	if (!wrong && n > 0) {
		listen_fds_drop_faulty(&l);
		wrong = check_kept(g, n, &l);
	}
	listen_fds_done(&l);
	for (size_t i = 0; i < n && !wrong; i++)
		if (fcntl(FIRST_FD + (int)i, F_GETFD) >= 0)
			wrong = "a descriptor is left open at the end";
	if (n < strlen(g->kinds) && r == 0 && fcntl(FIRST_FD + (int)n, F_GETFD) < 0)
		wrong = "a descriptor that was not announced is closed";
	return wrong;
}

static void take_each(const struct given *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		apart(rows[i].label, take, &rows[i]);
}

START_TEST(test_takes_what_can_be_served)
{
	static const struct given rows[] = {
	    {"one", "1", "own", "a", NULL, "T", 0, "a:", NULL},
	    {"of each kind", "3", "own", "a:b:c", NULL, "TU6", 0, "a:b:c:", NULL},
	    {"twice the same name", "2", "own", "a:a", NULL, "TT", 0, "a:a:", NULL},
	    {"one connection", "1", "own", "a", NULL, "c", 0, "a:", NULL},
	    {"a name for all", "2", "own", NULL, "x", "TU", 0, "x:x:", NULL},
	    {"a name above others", "2", "own", "a:b", "x", "TU", 0, "x:x:", NULL},
	    {"a name above too few", "2", "own", "a", "x", "TU", 0, "x:x:", NULL},
	    {"a name above none", "2", "own", "", "x", "TU", 0, "x:x:", NULL},
	    {"less than is open", "1", "own", "a", NULL, "TU", 0, "a:", NULL},
	};

	take_each(rows, ELEMENTSOF(rows));
}
END_TEST

START_TEST(test_has_nothing_where_nothing_is_given)
{
	static const struct given rows[] = {
	    {"nothing", NULL, NULL, NULL, NULL, "T", 0, "", NULL},
	    {"names alone", NULL, "own", "a", NULL, "T", 0, "", NULL},
	    {"none", "0", "own", "", NULL, "T", 0, "", NULL},
	    {"none with a name", "0", "own", NULL, "x", "T", 0, "", NULL},
	    {"another's", "1", "1", "a", NULL, "T", 0, "", "LISTEN_PID=1 is not"},
	    {"nobody's", "1", NULL, "a", NULL, "T", 0, "", "LISTEN_PID= is not"},
	    {"an empty id", "1", "", "a", NULL, "T", 0, "", "LISTEN_PID= is not"},
	    {"no id", "1", "x", "a", NULL, "T", 0, "", "LISTEN_PID=x is not"},
	    {"a negative id", "1", "-1", "a", NULL, "T", 0, "", "LISTEN_PID=-1 is not"},
	    {"a huge id", "1", "99999999999999999999", "a", NULL, "T", 0, "",
		"LISTEN_PID=99999999999999999999 is not"},
	    {"all processes'", "1", "0", "a", NULL, "T", 0, "", "LISTEN_PID=0 is not"},
	};

	take_each(rows, ELEMENTSOF(rows));
}
END_TEST

START_TEST(test_refuses_numbers_that_are_none)
{
	static const char *const numbers[] = {"", "x", "1x", "1 ", "-1", "0x1", "1.0",
	    "4097", "2147483648", "4294967297", "18446744073709551617",
	    "99999999999999999999999999999999999999999999999999999999999999999999"};

	for (size_t i = 0; i < ELEMENTSOF(numbers); i++) {
		const struct given named = {numbers[i], numbers[i], "own", "a", NULL, "T",
		    -EINVAL, "", "is no number of descriptors"};
		const struct given for_all = {numbers[i], numbers[i], "own", NULL, "x",
		    "T", -EINVAL, "", "is no number of descriptors"};

		apart(numbers[i], take, &named);
		apart(numbers[i], take, &for_all);
	}
}
END_TEST

START_TEST(test_refuses_names_that_do_not_fit)
{
	static const struct given rows[] = {
	    {"none", "1", "own", NULL, NULL, "T", -EINVAL, "", "1 descriptors"},
	    {"an empty one", "1", "own", "", NULL, "T", -EINVAL, "", "1 descriptors"},
	    {"too few", "2", "own", "a", NULL, "TU", -EINVAL, "", "2 descriptors"},
	    {"too many", "1", "own", "a:b", NULL, "T", -EINVAL, "", "1 descriptors"},
	    {"an end behind", "1", "own", "a:", NULL, "T", -EINVAL, "", "1 descriptors"},
	    {"one empty", "3", "own", "a::c", NULL, "TUT", -EINVAL, "", "3 descriptors"},
	    {"the first empty", "2", "own", ":b", NULL, "TU", -EINVAL, "", "2 des"},
	    {"the last empty", "2", "own", "a:", NULL, "TU", -EINVAL, "", "2 des"},
	    {"all empty", "2", "own", ":", NULL, "TU", -EINVAL, "", "2 descriptors"},
	};

	take_each(rows, ELEMENTSOF(rows));
}
END_TEST

START_TEST(test_tells_each_kind_of_descriptor)
{
	static const char good[] = "TU6", bad[] = "fpdqxc";
	char kinds[4] = "";

	for (size_t i = 0; i < sizeof(bad) - 1; i++) {
		kinds[0] = bad[i];
		kinds[1] = '\0';
		apart(kinds, take,
		    &(struct given){kinds, "1", "own", "a", NULL, kinds, 0, "a:", NULL});
		for (size_t k = 0; k < sizeof(good) - 1; k++)
			for (unsigned at = 0; at < 3; at++) {
				(void)memset(kinds, good[k], 3);
				kinds[at] = bad[i];
				apart(kinds, take,
				    &(struct given){kinds, "3", "own", "a:b:c", NULL,
					kinds, 0, "a:b:c:", NULL});
				apart(kinds, take,
				    &(struct given){kinds, "3", "own", NULL, "x", kinds,
					0, "x:x:x:", NULL});
			}
	}
}
END_TEST

START_TEST(test_leaves_out_all_that_is_faulty)
{
	static const struct given rows[] = {
	    {"nothing good", "6", "own", "a:b:c:d:e:f", NULL, "fpdqxc", 0,
		"a:b:c:d:e:f:", NULL},
	    {"two connections", "2", "own", "a:b", NULL, "cc", 0, "a:b:", NULL},
	    {"one good", "4", "own", "a:b:c:d", NULL, "xcTf", 0, "a:b:c:d:", NULL},
	    {"none open", "2", "own", "a:b", NULL, "xx", 0, "a:b:", NULL},
	};

	take_each(rows, ELEMENTSOF(rows));
}
END_TEST

/* Announced are as many as there may be; none beyond the first is open. */
static const char *take_most(_unused_ const void *row)
{
	_cleanup_listen_fds_ struct listen_fds l = {0};
	_cleanup_free_ char *why = NULL;
	static const struct given most = {
	    .fds = "4096", .pid = "own", .names = NULL, .kinds = "T"};
	const char *wrong = hand_over(&most);

	if (wrong)
		return wrong;
	if (listen_fds_take(&l, "x", &why) != 0 || l.n != LISTEN_FDS_MAX)
		return "there are less than announced";
	listen_fds_drop_faulty(&l);
	return l.n == 1 && l.list[0].fd == FIRST_FD ? NULL : "the good one is lost";
}

START_TEST(test_takes_as_many_as_there_may_be)
{
	apart("4096", take_most, NULL);
}
END_TEST

/* A number that was announced and not open may be somebody else's by now. */
static const char *open_meanwhile(_unused_ const void *row)
{
	static const struct given given = {
	    .fds = "2", .pid = "own", .names = "a:b", .kinds = "Tx"};
	struct listen_fds l = {0};
	_cleanup_free_ char *why = NULL;
	const char *wrong = hand_over(&given);

	if (wrong)
		return wrong;
	if (listen_fds_take(&l, NULL, &why) != 0)
		return "it is not taken";
	if (open("/dev/null", O_RDONLY) != FIRST_FD + 1)
		return "the test has descriptors of another number";
	listen_fds_drop_faulty(&l);
	if (fcntl(FIRST_FD + 1, F_GETFD) < 0)
		return "somebody else's descriptor is closed when it is left out";
	listen_fds_done(&l);
	return fcntl(FIRST_FD + 1, F_GETFD) < 0
		   ? "somebody else's descriptor is closed at the end"
		   : NULL;
}

START_TEST(test_what_was_not_open_is_not_closed)
{
	apart("opened meanwhile", open_meanwhile, NULL);
}
END_TEST

/* Has records written to a pipe, whose ends are far from the numbers given. */
static bool catch_records(int ret[2])
{
	int low[2];

	if (pipe2(low, O_NONBLOCK) < 0)
		return false;
	for (int i = 0; i < 2; i++) {
		ret[i] = fcntl(low[i], F_DUPFD, 100);
		close(low[i]);
	}
	return dup2(ret[1], STDERR_FILENO) >= 0 &&
	       setenv("MAILDEST_LOG_TARGET", "stderr", 1) == 0;
}

static const char *read_records(int from, const char *const *wanted, size_t n)
{
	char text[2048];
	ssize_t len = read(from, text, sizeof(text) - 1);

	text[len > 0 ? len : 0] = '\0';
	for (size_t i = 0; i < n; i++)
		if (!strstr(text, wanted[i]))
			return "a record is missing or says something else";
	return NULL;
}

static const char *report(_unused_ const void *row)
{
	static const struct given given = {
	    .fds = "4", .pid = "own", .names = "a:b:c\n<0>d:e", .kinds = "fTxc"};
	static const char *const wanted[] = {
	    "descriptor 3, given as 'a', is left out: it is no socket\n",
	    "descriptor 5, given as 'c\\x0a<0>d', is left out: it is not open\n",
	    "descriptor 6, given as 'e', is left out: it does not listen\n",
	};
	_cleanup_listen_fds_ struct listen_fds l = {0};
	_cleanup_free_ char *why = NULL;
	const char *wrong = hand_over(&given);
	int records[2], own;

	if (wrong)
		return wrong;
	if (listen_fds_take(&l, NULL, &why) != 0)
		return "it is not taken";
	own = fcntl(STDERR_FILENO, F_DUPFD, 100);
	if (!catch_records(records))
		return "the test cannot read records";
	log_open("x", -1);
	listen_fds_drop_faulty(&l);
	if (dup2(own, STDERR_FILENO) < 0)
		return "the test lost standard error";
	return read_records(records[0], wanted, ELEMENTSOF(wanted));
}

START_TEST(test_says_what_is_left_out)
{
	apart("records", report, NULL);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_takes_what_can_be_served,
	    test_has_nothing_where_nothing_is_given,
	    test_refuses_numbers_that_are_none,
	    test_refuses_names_that_do_not_fit,
	    test_tells_each_kind_of_descriptor,
	    test_leaves_out_all_that_is_faulty,
	    test_takes_as_many_as_there_may_be,
	    test_what_was_not_open_is_not_closed,
	    test_says_what_is_left_out,
	};

	return check_program("listen-fds", tests, ELEMENTSOF(tests));
}
