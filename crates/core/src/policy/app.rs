//! The sections that are not a layer's: the app, where the gateway listens, how it reaches the app.

use super::{FromText, Key, Kind, Reader, Section, Wrong, host::HostName};
use ipnet::IpNet;
use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

/// `[app]`
pub(super) const APP: Section = Section {
    name: "app",
    about: "The app that is guarded.",
    why: "Hosts, framework and address decide the defaults of every layer.",
    keys: &[
        Key {
            name: "name",
            kind: Kind::Text("name"),
            default: "\"app\"",
            about: "Its name, in logs and on error pages.",
            why: "Any name does.",
        },
        Key {
            name: "hosts",
            kind: Kind::List(&Kind::Text("host name")),
            default: "[\"localhost\", \"127.0.0.1\", \"[::1]\"]",
            about: "The host names it answers to; `*.example.com` means any one label below.",
            why: "A host that is not listed is refused (Host header attacks, DNS rebinding, CWE-350); the default is this machine alone.",
        },
        Key {
            name: "upstream",
            kind: Kind::Text("address"),
            default: "\"http://127.0.0.1:5000\"",
            about: "Where it listens: `http://127.0.0.1:5000` or `unix:/run/app.sock`.",
            why: "Flask's own port. `gambeson run` starts the app on a private socket instead.",
        },
        Key {
            name: "framework",
            kind: Kind::Choice(&["flask", "django", "fastapi", "bottle", "other"]),
            default: "\"other\"",
            about: "Its framework: selects a preset of defaults.",
            why: "Each framework names its cookies and errors in its own way.",
        },
        Key {
            name: "session_cookies",
            kind: Kind::List(&Kind::Text("cookie name")),
            default: "[]",
            about: "Names of cookies that log somebody in, beside the framework's own.",
            why: "Names that contain `session`, `auth`, `token` or `jwt`, or end in `sid`, are recognised without it.",
        },
    ],
};

/// `[listen]`
pub(super) const LISTEN: Section = Section {
    name: "listen",
    about: "Where the gateway listens.",
    why: "HTTPS by default; plain HTTP only redirects.",
    keys: &[
        Key {
            name: "https",
            kind: Kind::Text("address"),
            default: "\"127.0.0.1:8443\"",
            about: "Address and port for HTTPS; empty for none.",
            why: "Loopback until you open it on purpose.",
        },
        Key {
            name: "http",
            kind: Kind::Text("address"),
            default: "\"127.0.0.1:8080\"",
            about: "Address and port for plain HTTP; empty for none.",
            why: "It redirects to HTTPS and answers certificate challenges.",
        },
        Key {
            name: "plain",
            kind: Kind::Bool,
            default: "false",
            about: "Serve the app over plain HTTP instead of redirecting.",
            why: "Only right behind a load balancer that ends TLS, or for measuring.",
        },
        Key {
            name: "admin",
            kind: Kind::Text("address"),
            default: "\"127.0.0.1:9443\"",
            about: "Address and port for health, readiness and metrics, in plain HTTP; empty for none.",
            why: "Never on the public address: metrics tell an attacker what works.",
        },
        Key {
            name: "trusted_proxies",
            kind: Kind::List(&Kind::Text("network")),
            default: "[]",
            about: "Networks of load balancers whose X-Forwarded-For, -Proto and -Host are believed.",
            why: "Nobody is trusted until named: a forged address defeats limits and logs (CWE-290).",
        },
        Key {
            name: "public_port",
            kind: Kind::Integer(1, 65535),
            default: "",
            about: "The port people see in the address bar, when it is not the one in `https` (a load balancer or port mapping in front).",
            why: "Redirects and origin checks compare against the public origin.",
        },
        Key {
            name: "connections",
            kind: Kind::Integer(1, 1_000_000),
            default: "10000",
            about: "Most connections at a time, in all.",
            why: "Bounds memory; each costs about 16 kB.",
        },
        Key {
            name: "connections_per_address",
            kind: Kind::Integer(1, 1_000_000),
            default: "256",
            about: "Most connections at a time from one address (IPv6: one /64 network).",
            why: "A browser opens about six; offices share an address.",
        },
        Key {
            name: "workers",
            kind: Kind::Integer(0, 1024),
            default: "0",
            about: "Threads that serve; 0 means one a core.",
            why: "One a core is fastest.",
        },
        Key {
            name: "drain",
            kind: Kind::Duration,
            default: "\"30s\"",
            about: "How long open exchanges may take to end at a stop or restart.",
            why: "Long enough for an upload, short enough for a deploy.",
        },
    ],
};

/// `[upstream]`
pub(super) const UPSTREAM: Section = Section {
    name: "upstream",
    about: "How the gateway talks to the app.",
    why: "An app that hangs must not hang its users' browsers.",
    keys: &[
        Key {
            name: "connect",
            kind: Kind::Duration,
            default: "\"3s\"",
            about: "How long connecting may take.",
            why: "The app is near; 3 s means it is down.",
        },
        Key {
            name: "response",
            kind: Kind::Duration,
            default: "\"60s\"",
            about: "How long the app may take to begin its answer.",
            why: "gunicorn ends a silent worker after 30 s.",
        },
        Key {
            name: "idle",
            kind: Kind::Duration,
            default: "\"60s\"",
            about: "How long the app may pause in the middle of an answer; server-sent events and WebSockets have `stream_idle`.",
            why: "A pause this long in a page is a hang.",
        },
        Key {
            name: "stream_idle",
            kind: Kind::Duration,
            default: "\"1h\"",
            about: "How long a WebSocket or an event stream may be silent.",
            why: "They are silent by nature.",
        },
        Key {
            name: "connections",
            kind: Kind::Integer(1, 100_000),
            default: "1024",
            about: "Most connections to the app at a time, open WebSockets among them; one client (IPv6: one /64 network) gets at most half of them.",
            why: "Beyond what an app server can work on, waiting at the gateway is cheaper.",
        },
        Key {
            name: "keep_idle",
            kind: Kind::Duration,
            default: "\"1s\"",
            about: "How long an unused connection to the app is kept; 0s for never.",
            why: "gunicorn's keep-alive is 2 s: a connection must be dropped by us before the app drops it.",
        },
        Key {
            name: "source",
            kind: Kind::Text("address"),
            default: "\"127.71.77.66\"",
            about: "The address of this machine from which an app at 127.0.0.1 is spoken to; empty for the system's choice.",
            why: "An app that sees 127.0.0.1 takes every visitor for its developer (debug pages, INTERNAL_IPS). Tell gunicorn and uvicorn `FORWARDED_ALLOW_IPS=127.71.77.66`, or use a Unix socket, which needs none of this.",
        },
        Key {
            name: "host",
            kind: Kind::Text("host name"),
            default: "",
            about: "A fixed Host to send to the app, instead of the one that was asked for.",
            why: "Apps build links from it, so the public one is passed on.",
        },
    ],
};

/// The framework of the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Framework {
    /// Flask
    Flask,
    /// Django
    Django,
    /// FastAPI or Starlette
    FastApi,
    /// Bottle
    Bottle,
    /// Anything else
    #[default]
    Other,
}

impl FromText for Framework {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        Ok(match text {
            "flask" => Self::Flask,
            "django" => Self::Django,
            "fastapi" => Self::FastApi,
            "bottle" => Self::Bottle,
            _ => Self::Other,
        })
    }
}

/// Where the app listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpstreamAddress {
    /// TCP, in plain HTTP.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
}

impl FromText for UpstreamAddress {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        if let Some(path) = text.strip_prefix("unix:") {
            return Ok(Self::Unix(path.into()));
        }
        let help = "write \"http://127.0.0.1:5000\" or \"unix:/run/app.sock\"";
        let Some(rest) = text.strip_prefix("http://") else {
            return Err(Wrong::new(format!("`{text}` is not an address of an app"), help));
        };
        let rest = rest.trim_end_matches('/').replace("localhost", "127.0.0.1");
        let wrong = || Wrong::new(format!("`{text}` is not an address and port"), help);
        rest.parse().map(Self::Tcp).map_err(|_| wrong())
    }
}
crate::value_from_text!(Framework, UpstreamAddress, Address, Network);

impl std::fmt::Display for UpstreamAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "http://{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// An optional listening address: empty text is none.
struct Address(Option<SocketAddr>);

impl FromText for Address {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        if text.is_empty() {
            return Ok(Self(None));
        }
        let text = text.replace("localhost", "127.0.0.1");
        let wrong = |_| {
            Wrong::new(
                format!("`{text}` is not an address and port"),
                "write \"127.0.0.1:8443\", \"0.0.0.0:443\" or \"[::]:443\"",
            )
        };
        text.parse().map(|address| Self(Some(address))).map_err(wrong)
    }
}

/// A network, or one address.
pub(crate) struct Network(pub(crate) IpNet);

impl FromText for Network {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        let single = || text.parse::<std::net::IpAddr>().map(IpNet::from);
        let wrong = |_| Wrong::new(format!("`{text}` is not a network"), "write \"10.0.0.0/8\" or \"192.0.2.7\"");
        text.parse().or_else(|_| single()).map(Self).map_err(wrong)
    }
}

/// The app that is guarded.
#[derive(Debug, Clone)]
pub struct App {
    /// Its name.
    pub name: String,
    /// The host names it answers to, in lower case.
    pub hosts: Vec<String>,
    /// Where it listens.
    pub address: UpstreamAddress,
    /// Its framework.
    pub framework: Framework,
    /// Cookies that log somebody in, beside those recognised by their names.
    pub session_cookies: SessionCookies,
}

impl App {
    pub(super) fn compile(reader: &mut Reader<'_>) -> Self {
        let hosts: Vec<HostName> = reader.get("hosts");
        if hosts.is_empty() {
            reader.error("hosts", "no host is named", "name at least one, such as \"localhost\"");
        }
        let default = UpstreamAddress::Tcp(SocketAddr::from(([127, 0, 0, 1], 5000)));
        Self {
            name: reader.get("name"),
            hosts: hosts.into_iter().map(|host| host.0).collect(),
            address: reader.optional("upstream").unwrap_or(default),
            framework: reader.optional("framework").unwrap_or_default(),
            session_cookies: SessionCookies(reader.get("session_cookies")),
        }
    }
}

/// Which cookies log somebody in: the names the policy adds to those that tell it themselves.
#[derive(Debug, Clone, Default)]
pub struct SessionCookies(Vec<String>);

impl SessionCookies {
    /// The names the policy adds.
    pub fn named(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether a cookie of that name logs somebody in; the prefixes that browsers enforce are no part of the name.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        let name = name.strip_prefix("__Host-").or_else(|| name.strip_prefix("__Secure-")).unwrap_or(name);
        let contains = |word: &str| name.as_bytes().windows(word.len()).any(|part| part.eq_ignore_ascii_case(word.as_bytes()));
        let ends =
            name.len().checked_sub(3).and_then(|start| name.get(start..)).is_some_and(|end| end.eq_ignore_ascii_case("sid"));
        ends || ["session", "auth", "token", "jwt"].into_iter().any(contains) || self.0.iter().any(|cookie| cookie == name)
    }
}

/// Where the gateway listens.
#[derive(Debug, Clone)]
pub struct Listen {
    /// For HTTPS.
    pub https: Option<SocketAddr>,
    /// For plain HTTP.
    pub http: Option<SocketAddr>,
    /// Whether plain HTTP serves the app instead of redirecting.
    pub plain: bool,
    /// For health and metrics.
    pub admin: Option<SocketAddr>,
    /// Peers whose forwarding headers are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// The port people see, when it is not that of `https`.
    pub public_port: Option<u16>,
    /// Most connections in all.
    pub connections_max: usize,
    /// Most connections from one address.
    pub connections_per_address_max: usize,
    /// Threads that serve; 0 means one a core.
    pub workers: usize,
    /// How long open exchanges may take to end at a stop.
    pub drain: Duration,
}

impl Listen {
    pub(super) fn compile(reader: &mut Reader<'_>) -> Self {
        let mut address = |key| reader.optional::<Address>(key).and_then(|address| address.0);
        let (https, http, admin) = (address("https"), address("http"), address("admin"));
        let trusted: Vec<Network> = reader.optional("trusted_proxies").unwrap_or_default();
        if trusted.iter().any(|network| network.0.prefix_len() == 0) {
            let message = "everybody would be believed, so anybody could forge an address (CWE-290)";
            reader.error("trusted_proxies", message, "name the load balancer's own network, such as \"10.0.0.0/8\"");
        }
        let listen = Self {
            https,
            http,
            admin,
            plain: reader.get("plain"),
            trusted_proxies: trusted.into_iter().map(|network| network.0).collect(),
            public_port: reader.optional("public_port"),
            connections_max: reader.get("connections"),
            connections_per_address_max: reader.get("connections_per_address"),
            workers: reader.get("workers"),
            drain: reader.get("drain"),
        };
        if listen.https.is_none() && listen.http.is_none() {
            reader.error("https", "the gateway listens nowhere", "give `https` an address, such as \"127.0.0.1:8443\"");
        }
        if listen.admin.is_some_and(|admin| !admin.ip().is_loopback()) {
            reader.warning(
                "admin",
                "metrics and health are open to the network",
                "bind it to 127.0.0.1, or make sure a firewall covers it",
            );
        }
        listen
    }

    /// Whether the public address of the app is HTTPS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.https.is_some()
    }
}

/// How the gateway talks to the app.
#[derive(Debug, Clone)]
pub struct Upstream {
    /// Where the app listens.
    pub address: UpstreamAddress,
    /// Deadlines.
    pub timeouts: Timeouts,
    /// Most connections at a time.
    pub connections_max: usize,
    /// The address from which an app on the loopback interface is spoken to.
    pub source: Option<Ipv4Addr>,
    /// A fixed Host to send.
    pub host: Option<String>,
}

/// Deadlines of the conversation with the app.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// To connect.
    pub connect: Duration,
    /// To the answer's head.
    pub response: Duration,
    /// Between two pieces of an answer.
    pub idle: Duration,
    /// The same, for WebSockets and event streams.
    pub stream_idle: Duration,
    /// How long an unused connection is kept.
    pub keep_idle: Duration,
}

impl Upstream {
    pub(super) fn compile(reader: &mut Reader<'_>, app: &App) -> Self {
        Self {
            address: app.address.clone(),
            timeouts: Timeouts {
                connect: reader.get("connect"),
                response: reader.get("response"),
                idle: reader.get("idle"),
                stream_idle: reader.get("stream_idle"),
                keep_idle: reader.get("keep_idle"),
            },
            connections_max: reader.get("connections"),
            source: source(reader),
            host: reader.optional("host"),
        }
    }
}

fn source(reader: &mut Reader<'_>) -> Option<Ipv4Addr> {
    let text: String = reader.get("source");
    let address = text.parse().ok();
    if !text.is_empty() && address.is_none() {
        reader.error(
            "source",
            format!("`{text}` is not an IPv4 address"),
            "write \"127.71.77.66\", or \"\" for the system's choice",
        );
    }
    address
}
