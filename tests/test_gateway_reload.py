"""A gateway that gets another policy, or is replaced, while it serves."""

import json
import signal
import threading
import time

from gateway_kit import HOST, App, exchange, get


class Load:
    """Requests without pause from a few threads, on kept connections and on new ones; counts what failed."""

    def __init__(self, gateway, threads=4):
        self.gateway, self.done, self.failed, self.going = gateway, 0, [], True
        self.threads = [threading.Thread(target=self.work, args=(i % 2 == 0,), daemon=True) for i in range(threads)]
        for thread in self.threads:
            thread.start()

    def work(self, keep):
        connection = None
        while self.going:
            try:
                connection = connection or self.gateway.plain()
                connection.settimeout(15)
                connection.sendall(b"GET / HTTP/1.1\r\n" + HOST + (b"" if keep else b"connection: close\r\n") + b"\r\n")
                answer = b""
                while not answer.endswith(b"ok"):
                    data = connection.recv(4096)
                    if not data:
                        raise ConnectionError(f"closed after {answer!r}")
                    answer += data
                if not answer.startswith(b"HTTP/1.1 200"):
                    raise ConnectionError(answer[:200])
                self.done += 1
                if b"connection: close" in answer:
                    connection.close()
                    connection = None
            except OSError as error:
                self.failed.append(repr(error))
                connection = None

    def stop(self):
        self.going = False
        for thread in self.threads:
            thread.join(20)
        return self


def test_a_hundred_reloads_under_load_fail_no_request(serve):
    gateway = serve(WIDE, upstream=App().url)
    load = Load(gateway)
    for i in range(100):
        gateway.write_policy(WIDE + f"# change {i}\n")
        result = gateway.run("reload")
        assert result.returncode == 0, result.stderr
    load.stop()
    assert load.failed == [] and load.done > 100


WIDE = '[rate_limit]\nlimits = []\ndynamic = []\n'


def test_a_bad_policy_keeps_the_old_one_and_says_so(serve):
    app = App()
    gateway = serve("", upstream=app.url)
    gateway.write_policy('[csrf]\nmode = "of"\n')
    result = gateway.run("reload")
    assert result.returncode == 1 and "did you mean `off`?" in result.stderr and "gambeson.toml" in result.stderr
    assert get(gateway, "/")[0] == 200
    gateway.process.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    assert get(gateway, "/")[0] == 200
    assert "the old policy stays in force" in gateway.stderr()


def test_a_reload_names_what_waits_for_a_restart(serve):
    gateway = serve(listen="workers = 1")
    gateway.write_policy('[audit_log]\nfile = "64KiB"\n')
    assert gateway.run("reload").stdout == "the policy is in force\n"
    gateway.head = gateway.head.replace("workers = 1", "workers = 2")
    gateway.write_policy("")
    for _ in range(2):
        done = gateway.run("reload")
        assert (done.returncode, done.stdout) == (0, "the policy is in force, but for what waits for a restart: listen.workers\n")
    assert json.loads(gateway.run("reload", "--json").stdout) == {"reloaded": True, "waits_for_restart": ["listen.workers"]}


def test_a_reload_puts_the_new_policy_in_force(serve):
    app = App()
    gateway = serve("", upstream=app.url)
    assert get(gateway, "/", host="other.example")[0] != 200
    gateway.head = gateway.head.replace("[app]\n", '[app]\nhosts = ["localhost", "other.example"]\n')
    gateway.write_policy("")
    assert gateway.run("reload").returncode == 0
    assert get(gateway, "/", host="other.example")[0] == 200


def test_twenty_restarts_under_load_fail_no_request(serve):
    from gateway_kit import Gateway

    gateway = serve(WIDE, upstream=App().url, listen='drain = "5s"')
    load = Load(gateway)
    current = gateway
    for _ in range(20):
        following = Gateway.__new__(Gateway)
        following.__dict__.update(current.__dict__)
        following.arguments = ["--take-over"]
        following.start()
        assert current.process.wait(30) == 0
        current = following
    load.stop()
    assert load.failed == [] and load.done > 100
    assert current.run("log", "verify").returncode == 0
    current.stop()


def test_a_stop_lets_the_open_exchange_end(serve):
    begun = threading.Event()

    def slow(connection, head):
        begun.set()
        time.sleep(1.5)
        App.ok(connection, head)

    gateway = serve("", upstream=App(slow).url)
    connection = gateway.plain()
    connection.sendall(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
    assert begun.wait(10)
    gateway.process.send_signal(signal.SIGTERM)
    answer = exchange(connection, b"")
    assert b"200 OK" in answer and b"connection: close" in answer
    assert gateway.process.wait(10) == 0
