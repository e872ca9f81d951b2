"""libmodsecurity behind lines of text: `modsecurity_peer.py PRELUDE DIR SETTINGS`. A line of the input is a request as JSON, its texts in
hexadecimal digits; a line of the output has the numbers of the rules that match and log."""

import ctypes
import ctypes.util
import json
import pathlib
import re
import sys

LOG = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_char_p)
POINTERS = ["msc_init", "msc_create_rules_set", "msc_new_transaction"]


def library():
    """The library with the types of what is called, or None where it is absent."""
    name = ctypes.util.find_library("modsecurity")
    if not name:
        return None
    found = ctypes.CDLL(name)
    for pointer in POINTERS:
        getattr(found, pointer).restype = ctypes.c_void_p
    return found


class Peer:
    """The rules, loaded once."""

    def __init__(self, prelude, folder, settings):
        self.msc, self.found = library(), set()
        self.engine = ctypes.c_void_p(self.msc.msc_init())
        self.rules = ctypes.c_void_p(self.msc.msc_create_rules_set())
        # Kept: the library calls it as long as it lives.
        self.log = LOG(lambda _, line: self.found.update(map(int, re.findall(rb'\[id "(\d+)"\]', line))))
        self.msc.msc_set_log_cb(self.engine, self.log)
        for path in (prelude, f"{folder}/crs-setup.conf.example", settings, *sorted(map(str, pathlib.Path(folder, "rules").glob("*.conf")))):
            why = ctypes.c_char_p()
            if self.msc.msc_rules_add_file(self.rules, str(path).encode(), ctypes.byref(why)) < 0:
                sys.exit(f"{path}: {(why.value or b'').decode()}")

    def judge(self, request):
        """The rules that match and log."""
        self.found.clear()
        one = ctypes.c_void_p(self.msc.msc_new_transaction(self.engine, self.rules, None))
        self.msc.msc_process_connection(one, b"192.0.2.1", 40000, b"192.0.2.2", 80)
        self.msc.msc_process_uri(one, request["target"], request["method"], b"1.1")
        for name, value in request["headers"]:
            self.msc.msc_add_n_request_header(one, name, ctypes.c_size_t(len(name)), value, ctypes.c_size_t(len(value)))
        self.msc.msc_process_request_headers(one)
        self.msc.msc_append_request_body(one, request["body"], ctypes.c_size_t(len(request["body"])))
        self.msc.msc_process_request_body(one)
        self.msc.msc_process_response_headers(one, 200, b"HTTP/1.1")
        self.msc.msc_process_response_body(one)
        self.msc.msc_process_logging(one)
        self.msc.msc_transaction_cleanup(one)
        return sorted(self.found)


def main():
    peer = Peer(*sys.argv[1:4])
    for line in sys.stdin:
        case = json.loads(line)
        request = {key: bytes.fromhex(case[key]) for key in ("method", "target", "body")}
        request["headers"] = [(bytes.fromhex(name), bytes.fromhex(value)) for name, value in case["headers"]]
        print(*peer.judge(request), flush=True)


if __name__ == "__main__":
    main()
