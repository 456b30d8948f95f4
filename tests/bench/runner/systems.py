# SPDX-License-Identifier: Apache-2.0
"""What is measured beside each other: no proxy, and maildest in each of its modes."""

from pathlib import Path
from types import SimpleNamespace

from rig import destinations, process, waiting
from rig.maildest import Maildest
from rig.ports import free_port

from .account import open_account

USER = "bench@example.com"


class Direct:
    """The client does TLS and login itself."""

    name = title = "direct"
    account = None

    def __init__(self, upstream):
        self._upstream = upstream

    def options(self, way):
        """Those of bench-load for a session of its own."""
        return [
            f"--protocol={way.protocol}",
            f"--port={self._upstream.ports[way.service]}",
            f"--tls={way.tls}",
            f"--ca={self._upstream.authority.certificate}",
        ]

    def forget_tokens(self):
        pass

    def settle(self):
        pass

    def stop(self):
        pass


class Product:
    """maildest before an upstream, its processes in an account of their own.

    `upstream` has `ports` and `authority`; `ports` names those to listen on, others are free ones.
    """

    def __init__(self, folder, upstream, ways, build, ports=(), account=None):
        self.rig = Maildest(Path(folder), upstream.authority, build)
        self.rig.watcher.stop()  # looks for secrets while others measure
        self.account = account or open_account(Path(folder).name)
        self.ports = dict(ports)
        service = SimpleNamespace(token_url=f"http://127.0.0.1:{upstream.ports['http']}/token")
        client = SimpleNamespace(service=service, id="bench", secret="no-secret-of-anyone")
        for way in ways:
            self.ports.setdefault(way.name, free_port())
            keys = destinations.oauth(way.transport, upstream.ports[way.service], USER, client)
            self.rig.add_destination(way.name, keys)
        self._listeners = []
        try:
            with self.account:
                self.rig.start_helper()
                self._listeners = self._listen([way.name for way in ways])
        except BaseException:
            self.stop()
            raise

    def _listen(self, names):
        """Opens the ports of these destinations; the processes that do it."""
        raise NotImplementedError

    def options(self, way):
        """Those of bench-load for a session through maildest."""
        return [f"--protocol={way.protocol}", f"--port={self.ports[way.name]}"]

    def tokens(self, load, way, count, anew):
        """Gets tokens from the helper, as handlers do."""
        return load.tokens(self.rig.socket, way.name, count, anew)

    def forget_tokens(self):
        """Starts the helper anew."""
        self.rig.stop_helper()
        with self.account:
            self.rig.start_helper()

    def sessions(self):
        """The processes that serve sessions."""
        rest = {one.pid for one in (self.rig.helper, *self._listeners)}
        return set(self.account.pids()) - rest

    def settle(self):
        """Waits until no session is left."""
        waiting.until(lambda: not self.sessions(), "sessions do not end")

    def stop(self):
        for listener in self._listeners:
            listener.stop()
        self.rig.stop()
        for pid in self.account.pids():
            process.end(pid)
        self.account.close()


class PerConnection(Product):
    """A handler is started for each connection."""

    name = "per-connection"
    title = "maildest, per connection"

    def _listen(self, names):
        for name in names:
            self.rig.listen(name, self.ports[name])
        return [self.rig.listener(name) for name in names]


class Forking(Product):
    """One handler has all sockets and forks for each connection."""

    name = "forking"
    title = "maildest, forking"

    def _listen(self, names):
        addresses = [f"127.0.0.1:{self.ports[name]}" for name in names]
        listener = process.Process(
            [
                "systemd-socket-activate", "--setenv=MAILDEST_LOG_TARGET",
                f"--fdname={':'.join(names)}",
                *(f"--listen={address}" for address in addresses),
                *self.rig.handler(), *self.rig.options(),
            ],
            self.rig.logs / "forking.log",
            env=self.rig.environment(),
        )  # fmt: skip
        listener.wait_for(
            lambda: all(f"Listening on {one} " in listener.output() for one in addresses),
            "no sockets",
        )
        return [listener]


SYSTEMS = {one.name: one for one in (Direct, Forking, PerConnection)}
