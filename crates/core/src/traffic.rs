//! Requests as they came, kept to be recorded where the policy says so, so that they can be judged again by another.
//!
//! What is kept here is raw: it lives in memory only. Whoever writes it down masks it first.

use crate::{
    exchange::{Connection, Received, Scheme},
    layers::{Denial, Inspector},
    policy::{Recorded, Recording},
    record::{Action, Finding},
};
use http::StatusCode;
use std::{
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError},
};

/// A request as it came.
#[derive(Debug)]
pub struct Sent {
    /// The client's address, or its network's first one, as the policy says.
    pub client: IpAddr,
    /// How it came.
    pub scheme: Scheme,
    /// The name that TLS was opened for.
    pub sni: Option<String>,
    /// Its head.
    pub head: Received,
    /// What was seen of the body.
    body: Shared,
    policy: Recording,
}

/// What is kept of a body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Copied {
    /// Its beginning, where bodies are kept.
    pub bytes: Vec<u8>,
    /// How many bytes were seen.
    pub seen: u64,
    /// Whether its end was seen.
    pub whole: bool,
}

type Shared = Arc<Mutex<Copied>>;

/// A request and what became of it, ready to be recorded.
#[derive(Debug)]
pub struct Traffic {
    /// The exchange's reference id.
    pub id: String,
    /// When it began, in milliseconds since 1970 (UTC).
    pub time_ms: u64,
    /// The request.
    pub sent: Box<Sent>,
    /// The status that was sent.
    pub status: u16,
    /// What refused or answered it in the app's place.
    pub stopped: Option<Finding>,
}

impl Sent {
    /// A request to be kept, from whom it came and how.
    pub(crate) fn new(
        policy: Recording,
        received: &Received,
        connection: &Connection,
        client: IpAddr,
        scheme: Scheme,
    ) -> Box<Self> {
        Box::new(Self {
            client: if policy.by_address { client } else { network(client) },
            scheme,
            sni: connection.tls.as_ref().and_then(|tls| tls.sni.clone()),
            head: received.clone(),
            body: Shared::default(),
            policy,
        })
    }

    /// What was seen of the body so far.
    #[must_use]
    pub fn body(&self) -> Copied {
        self.body.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How much memory the copy of the body takes, in bytes.
    #[must_use]
    pub fn body_weight(&self) -> usize {
        self.body.lock().unwrap_or_else(PoisonError::into_inner).bytes.len()
    }

    /// How the policy has it recorded.
    #[must_use]
    pub const fn policy(&self) -> &Recording {
        &self.policy
    }

    /// What copies the body as it passes.
    pub(crate) fn copier(&self) -> Box<dyn Inspector> {
        let bytes_max = if self.policy.bodies { self.policy.body_bytes_max } else { 0 };
        Box::new(Copier { body: Arc::clone(&self.body), bytes_max })
    }

    /// With what became of it, if such requests are recorded.
    pub(crate) fn ended(self: Box<Self>, id: String, time_ms: u64, status: StatusCode, findings: &[Finding]) -> Option<Traffic> {
        let refused = |finding: &Finding| matches!(finding.action, Action::Refuse | Action::Replace);
        if self.policy.requests == Recorded::Refused && !findings.iter().any(refused) {
            return None;
        }
        let stopped = findings.iter().find(|finding| finding.stops()).cloned();
        Some(Traffic { id, time_ms, sent: self, status: status.as_u16(), stopped })
    }
}

/// Its network's first address: IPv4 /24, IPv6 /48.
fn network(client: IpAddr) -> IpAddr {
    match client {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            IpAddr::from([a, b, c, 0])
        }
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 80)).into(),
    }
}

/// Copies a body's beginning. It refuses nothing and holds nothing up.
#[derive(Debug)]
struct Copier {
    body: Shared,
    bytes_max: usize,
}

impl Inspector for Copier {
    fn window(&self) -> usize {
        0
    }

    fn feed(&mut self, bytes: &[u8]) -> Result<(), Box<Denial>> {
        let mut body = self.body.lock().unwrap_or_else(PoisonError::into_inner);
        body.seen = body.seen.saturating_add(bytes.len() as u64);
        let room = self.bytes_max.saturating_sub(body.bytes.len());
        body.bytes.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        Ok(())
    }

    fn end(&mut self) -> Result<(), Box<Denial>> {
        self.body.lock().unwrap_or_else(PoisonError::into_inner).whole = true;
        Ok(())
    }

    fn held(&self) -> usize {
        self.body.lock().unwrap_or_else(PoisonError::into_inner).bytes.capacity()
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        engine::{Decision, Engine, Outgoing},
        testing::{Ask, engine},
    };

    fn posted() -> Ask {
        Ask::new("POST", "/a?b=1").header("content-type", "text/plain").header("origin", "https://localhost:8443")
    }

    fn ended(decision: Decision) -> Outgoing {
        let Decision::Respond(outgoing) = decision else { panic!("not answered") };
        outgoing
    }

    fn refused(engine: &Engine, ask: Ask) -> Option<super::Traffic> {
        let mut outgoing = ended(ask.decided(engine));
        outgoing.finish.traffic()
    }

    #[test]
    fn a_refused_request_is_kept_as_it_came_with_the_clients_network() {
        let engine = engine("[record]\nrequests = \"refused\"");
        let kept = refused(&engine, Ask::get("/a?q=%27%20union%20select%20a,b%20from%20c--").peer("192.0.2.77")).unwrap();
        assert_eq!(kept.sent.head.target, "/a?q=%27%20union%20select%20a,b%20from%20c--");
        assert_eq!(kept.sent.client.to_string(), "192.0.2.0");
        assert_eq!(kept.stopped.unwrap().rule, "sql.union");
        let kept = refused(&engine, Ask::get("/a?q=%27%20union%20select%20a,b%20from%20c--").peer("2001:db8:1:2::7")).unwrap();
        assert_eq!(kept.sent.client.to_string(), "2001:db8:1::");
    }

    #[test]
    fn what_could_not_be_read_is_kept_too() {
        let engine = engine("[record]\nrequests = \"refused\"");
        let kept = refused(&engine, Ask::get("/a\\..\\b").header("host", "a b")).unwrap();
        assert!(kept.sent.head.target.starts_with(b"/a") && kept.status == 400 && kept.stopped.is_some());
    }

    #[test]
    fn nothing_is_kept_when_nothing_is_recorded_and_passed_requests_only_on_demand() {
        for (policy, expected) in
            [("", false), ("[record]\nrequests = \"refused\"", false), ("[record]\nrequests = \"all\"", true)]
        {
            let Decision::Forward(_, _, exchange) = Ask::get("/").decided(&engine(policy)) else { panic!("refused") };
            assert_eq!({ exchange.abandon() }.traffic().is_some(), expected, "{policy}");
        }
        assert!(refused(&engine(""), Ask::get("/?q=%27%20union%20select%20a,b%20from%20c--")).is_none());
    }

    #[test]
    fn of_a_body_the_beginning_is_copied_where_the_policy_says_so() {
        for (bodies, expected) in [("", &b""[..]), ("bodies = true\nbody = 4", b"abcd")] {
            let engine = engine(&format!("[intrusion]\nmode = \"off\"\n[record]\nrequests = \"all\"\n{bodies}"));
            let Decision::Inspect(inspecting) = posted().body(b"abcdef").decided(&engine) else { panic!("not inspected") };
            assert_eq!(inspecting.window(), 0);
            let Decision::Forward(_, mut body, exchange) = inspecting.begin(b"", false) else { panic!("refused") };
            body.piece(b"abc").unwrap();
            body.piece(b"def").unwrap();
            body.end().unwrap();
            let copied = { exchange.abandon() }.traffic().unwrap().sent.body();
            assert_eq!((copied.bytes.as_slice(), copied.seen, copied.whole), (expected, 6, true));
        }
    }
}
