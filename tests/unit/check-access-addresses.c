/* SPDX-License-Identifier: Apache-2.0 */
/* Who may connect by other addresses than loopback, from other hosts and namespaces. */

#include "access.h"

#include <netinet/tcp.h>

#include "access-owner.h"
#include "access-visit.h"
#include "check-program.h"
#include "deadline.h"

static struct service service_allowing(char *networks)
{
	struct service s = EVERYONE;
	char *why = NULL;

	if (networks)
		ck_assert_int_eq(service_take_option(&s, "allow", networks, &why), 0);
	return s;
}

START_TEST(test_other_addresses_need_a_network)
{
	char near[] = "198.51.100.0/24,192.0.2.0/28", far[] = "192.0.3.0/24,::/0",
	     all[] = "0.0.0.0/0";
	const struct visit rows[] = {
	    {FAR, STAYS, 0, false, service_allowing(NULL), NULL, -EREMOTE,
		"only programs on this host"},
	    {FAR, STAYS, CAROL, false, service_allowing(far), NULL, -EREMOTE, "--allow="},
	    {FAR, STAYS, CAROL, false, service_allowing(near), NULL, 0, NULL},
	    {FAR, STAYS, CAROL, false, service_allowing(all), NULL, 0, NULL},
	};
	char own[] = "0.0.0.0/0";
	struct visit limited = {
	    IPV4, STAYS, CAROL, false, service_allowing(own), NULL, -EREMOTE, "carol"};

	if (!set_up())
		return;
	check_visits(rows, ELEMENTSOF(rows));
	/* a network of other hosts lets nobody of this one in */
	limited.service.clients = SERVICE_CLIENTS_GROUP;
	limited.service.group = "mail-users";
	check_visits(&limited, 1);
	config_tree_done(&tree);
}
END_TEST

/* By an address of the host's own, a program is still one of this host's. */
START_TEST(test_other_addresses_are_no_way_around)
{
	char near[] = "192.0.2.0/28";
	struct service limited = service_allowing(near);
	struct visit rows[5];

	limited.clients = SERVICE_CLIENTS_GROUP;
	limited.group = "mail-users";
	rows[0] = (struct visit){FAR, STAYS, ALICE, false, limited, NULL, 0, NULL};
	rows[1] = (struct visit){FAR, STAYS, 0, false, limited, NULL, 0, NULL};
	rows[2] =
	    (struct visit){FAR, STAYS, CAROL, false, limited, NULL, -EREMOTE, "carol"};
	rows[3] = (struct visit){
	    FAR, SENDS_AND_CLOSES, ALICE, false, limited, NULL, -EREMOTE, "no process"};
	limited.clients = SERVICE_CLIENTS_ROOT;
	rows[4] =
	    (struct visit){FAR, STAYS, ALICE, false, limited, NULL, -EREMOTE, "4001"};
	if (!set_up())
		return;
	check_visits(rows, ELEMENTSOF(rows));
	config_tree_done(&tree);
}
END_TEST

/* Nor is one whose socket is bound to a device, at an address that no device is said to have. */
START_TEST(test_a_device_is_no_way_around)
{
	char near[] = "192.0.2.0/28";
	struct service limited = service_allowing(near);
	struct visit rows[7];

	limited.clients = SERVICE_CLIENTS_GROUP;
	limited.group = "mail-users";
	for (size_t i = 0; i < 3; i++) {
		static const enum place where[] = {IPV4, IPV6, FAR};

		rows[2 * i] = (struct visit){
		    where[i], BOUND, CAROL, false, limited, NULL, -EREMOTE, "carol"};
		rows[2 * i + 1] =
		    (struct visit){where[i], BOUND, ALICE, false, limited, NULL, 0, NULL};
	}
	limited.clients = SERVICE_CLIENTS_EVERYONE; /* but for other handlers */
	rows[6] = (struct visit){FAR, BOUND, CAROL, false, limited, NULL, 0, NULL};
	if (!set_up())
		return;
	check_visits(rows, ELEMENTSOF(rows));
	config_tree_done(&tree);
}
END_TEST

/* In the end the kernel forgets who closed at once; at our own address it was none of another host. */
START_TEST(test_who_is_forgotten_is_not_elsewhere)
{
	char near[] = "192.0.2.0/28";
	struct service limited = service_allowing(near);
	const struct settings settings = {0};
	_cleanup_close_ int listener = -1, fd = -1;
	_cleanup_free_ char *why = NULL;
	uint64_t until = deadline_in(20 * USEC_PER_SEC);
	union any_address address;
	socklen_t len;
	uid_t uid;
	int client;

	limited.clients = SERVICE_CLIENTS_ROOT;
	if (!set_up())
		return;
	listener = listen_at(FAR, &address, &len);
	client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(
	    setsockopt(client, IPPROTO_TCP, TCP_LINGER2, &(int){1}, sizeof(int)), 0);
	ck_assert_int_eq(connect(client, &address.any, len), 0);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_eq(access_check(fd, &limited, &settings, &why), 0);
	ck_assert_int_eq(send(client, "QUIT\r\n", 6, 0), 6);
	(void)close(client);
	while (access_owner(fd, &uid) != -ENOENT && deadline_now() < until)
		(void)poll(NULL, 0, 50);
	ck_assert_int_eq(access_owner(fd, &uid), -ENOENT);
	ck_assert_int_eq(access_check(fd, &limited, &settings, &why), -EREMOTE);
	config_tree_done(&tree);
}
END_TEST

/* Seen from where neither its socket nor its address is, the client is on another host. */
START_TEST(test_another_host_is_known_by_its_network)
{
	char near[] = "192.0.2.0/28", elsewhere[] = "192.0.3.0/28";
	const struct settings settings = {0};
	struct service limited = service_allowing(near);
	struct service other = service_allowing(elsewhere);
	_cleanup_free_ char *why = NULL;
	union any_address address;
	socklen_t len;
	int listener, client, fd;

	limited.clients = other.clients = SERVICE_CLIENTS_ROOT;
	if (!set_up())
		return;
	listener = listen_at(FAR, &address, &len);
	client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(connect(client, &address.any, len), 0);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
	ck_assert_int_eq(access_check(fd, &limited, &settings, &why), 0);
	ck_assert_int_eq(access_check(fd, &other, &settings, &why), -EREMOTE);
	(void)close(fd);
	(void)close(client);
	(void)close(listener);
	config_tree_done(&tree);
}
END_TEST

/* A connection that was handed in from elsewhere has no other end here. */
START_TEST(test_another_network_namespace_is_nobodys)
{
	const struct service service = ROOT;
	const struct settings settings = {0};
	_cleanup_free_ char *why = NULL;
	int fds[2];

	if (!set_up())
		return;
	peer_tcp_pair(fds);
	ck_assert_int_eq(access_check(fds[0], &service, &settings, &why), 0);
	ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
	ck_assert_int_eq(access_check(fds[0], &service, &settings, &why), -EREMOTE);
	ck_assert_ptr_nonnull(strstr(why, "network namespace"));
	(void)close(fds[0]);
	(void)close(fds[1]);
	config_tree_done(&tree);
}
END_TEST

/* In a closed client's stead the kernel would name who listens on the same address. */
START_TEST(test_a_listener_on_the_clients_port_is_not_the_client)
{
	const struct service service = ROOT;
	const struct settings settings = {0};
	_cleanup_close_ int listener = -1, fd = -1, client = -1, impostor = -1;
	_cleanup_free_ char *why = NULL;
	union any_address address, own;
	static const int on = 1;
	socklen_t len, own_len = sizeof(own);

	if (!set_up())
		return;
	listener = listen_at(IPV4, &address, &len);
	client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(
	    setsockopt(client, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
	ck_assert_int_eq(connect(client, &address.any, len), 0);
	ck_assert_int_eq(getsockname(client, &own.any, &own_len), 0);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_eq(access_check(fd, &service, &settings, &why), 0);

	ck_assert_int_eq(send(client, "x", 1, 0), 1);
	(void)close(client);
	client = -1;
	impostor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(
	    setsockopt(impostor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
	if (bind(impostor, &own.any, own_len) == 0)
		ck_assert_int_eq(listen(impostor, 1), 0);
	ck_assert_int_eq(access_check(fd, &service, &settings, &why), -EREMOTE);
	config_tree_done(&tree);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_other_addresses_need_a_network,
	    test_other_addresses_are_no_way_around,
	    test_a_device_is_no_way_around,
	    test_who_is_forgotten_is_not_elsewhere,
	    test_another_host_is_known_by_its_network,
	    test_another_network_namespace_is_nobodys,
	    test_a_listener_on_the_clients_port_is_not_the_client,
	};

	return check_program("access-addresses", tests, ELEMENTSOF(tests));
}
