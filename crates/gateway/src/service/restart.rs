//! What a reload cannot put in force.

use gambeson_core::policy::{LayerName, Mode, Policy};

/// The keys of a policy that wait for a restart, compared with the one the process was started with: sockets and threads are there for
/// good, and so is the absence of an audit log.
pub(super) fn waiting(first: &Policy, now: &Policy) -> Vec<&'static str> {
    let (was, is) = (&first.listen, &now.listen);
    let has_log = |policy: &Policy| policy.modes.get(LayerName::AuditLog) != Mode::Off;
    let keys = [
        ("listen.https", was.https != is.https),
        ("listen.http", was.http != is.http),
        ("listen.admin", was.admin != is.admin),
        ("listen.workers", was.workers != is.workers),
        ("response.nftables", first.layers.response.nftables() != now.layers.response.nftables()),
        ("audit_log.mode", !has_log(first) && has_log(now)),
    ];
    keys.into_iter().filter_map(|(key, waits)| waits.then_some(key)).collect()
}

#[cfg(test)]
mod tests {
    use super::waiting;
    use gambeson_core::policy::Policy;

    #[test]
    fn what_is_there_for_good_waits_and_the_rest_does_not() {
        let of = |first: &str, now: &str| waiting(&Policy::parse(first).unwrap(), &Policy::parse(now).unwrap());
        assert_eq!(of("", "[audit_log]\nfile = \"1MiB\"\nmode = \"off\"\n[upstream]\nconnections = 7").len(), 0);
        let moved = "[listen]\nhttps = \"127.0.0.1:1\"\nhttp = \"127.0.0.1:2\"\nadmin = \"127.0.0.1:3\"\nworkers = 9";
        assert_eq!(of("", moved), ["listen.https", "listen.http", "listen.admin", "listen.workers"]);
        assert_eq!(of("[audit_log]\nmode = \"off\"", ""), ["audit_log.mode"]);
        assert_eq!(of("", "[response]\nnftables = \"inet filter\""), ["response.nftables"]);
    }
}
