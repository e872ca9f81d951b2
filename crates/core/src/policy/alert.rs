//! `[alert]`

use super::{FromText, Key, Kind, Reader, Section, Wrong};
use std::{
    net::IpAddr,
    path::{Path, PathBuf},
};

/// `[alert]`
pub(super) const ALERT: Section = Section {
    name: "alert",
    about: "Who is told at once when something grave happens: a webhook, a syslog server, or both.",
    why: "What is only written down is read when it is too late (CWE-778, ASVS 5.0 16.3, 16.4.3).",
    keys: &[
        Key {
            name: "webhook",
            kind: Kind::Text("https address, `file:PATH` or `env:NAME`"),
            default: "",
            about: "Where each alert is posted as JSON. An address that is a secret itself stands in a file or variable.",
            why: "Unset: nobody is told. Plain http is for this machine only.",
        },
        Key {
            name: "header",
            kind: Kind::Text("header field name"),
            default: "\"authorization\"",
            about: "The header field that `secret` is sent in.",
            why: "Most receivers read it there.",
        },
        Key {
            name: "secret",
            kind: Kind::Text("`file:PATH` or `env:NAME`"),
            default: "",
            about: "Where the value of that field is read from, such as `file:/run/secrets/webhook` that holds `Bearer …`.",
            why: "Unset: none is sent. A policy is read by many, so no secret stands in it (CWE-798).",
        },
        Key {
            name: "root",
            kind: Kind::Text("file"),
            default: "",
            about: "A root certificate (PEM) to trust when talking to the webhook, instead of this machine's.",
            why: "Unset: those that the system trusts.",
        },
        Key {
            name: "syslog",
            kind: Kind::Text("`udp://host:port`, `tcp://host:port` or `unix:PATH`"),
            default: "",
            about: "A syslog server: `unix:/dev/log` is this machine's.",
            why: "Unset: none. UDP and TCP pass unencrypted; send them over a network of your own.",
        },
        Key {
            name: "format",
            kind: Kind::Choice(&["rfc5424", "cef"]),
            default: "\"rfc5424\"",
            about: "How syslog is written: structured data (RFC 5424), or the Common Event Format behind such a header.",
            why: "Every server reads the first; some security consoles want the second.",
        },
        Key {
            name: "on",
            kind: Kind::List(&Kind::Choice(Topic::NAMES)),
            default: "[\"attacks\", \"sanctions\", \"audit\", \"policy\", \"certificates\", \"app\"]",
            about: "What is told: `attacks` when `attacks_per_minute` is reached, each of the `refusals`, `sanctions` such as bans, damage and loss of the \
                    `audit` log, a `policy` or rule set that did not come into force, `certificates` that fail, an `app` that ended.",
            why: "The grave ones; single refusals are many on any public address.",
        },
        Key {
            name: "attacks_per_minute",
            kind: Kind::Integer(1, 1_000_000),
            default: "20",
            about: "How many requests `intrusion` refuses within a minute until that is told, once a minute.",
            why: "Somebody tries; a scanner that passes by sends more than that, and a false alarm less.",
        },
        Key {
            name: "per_minute",
            kind: Kind::Integer(1, 600),
            default: "6",
            about: "How many alerts are sent in a minute, to each; of the rest one says how many there were.",
            why: "A flood of alerts is switched off, and hides the one that matters.",
        },
    ],
};

macro_rules! topics {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// What an alert is about.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Topic { $($(#[$doc])* $variant,)* }

        impl Topic {
            /// Every topic's name.
            pub const NAMES: &'static [&'static str] = &[$($name,)*];

            /// Its name, as in the policy and in every alert.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }

        impl FromText for Topic {
            fn from_text(text: &str) -> Result<Self, Wrong> {
                match text {
                    $($name => Ok(Self::$variant),)*
                    _ => Err(Wrong::new(format!("`{text}` is not a topic"), "write one of those the key lists")),
                }
            }
        }
    };
}

topics! {
    /// Many refusals by `intrusion`.
    Attacks = "attacks",
    /// One refusal by any layer.
    Refusals = "refusals",
    /// A ban, or another measure against a client.
    Sanctions = "sanctions",
    /// The audit log is damaged, or loses records.
    Audit = "audit",
    /// A policy or rule set did not come into force.
    Policy = "policy",
    /// A certificate cannot be read or renewed.
    Certificates = "certificates",
    /// The app ended.
    App = "app",
}
crate::value_from_text!(Topic);

/// Who is told of what.
#[derive(Debug, Clone, Default)]
pub struct Alerting {
    /// Where alerts are posted.
    pub webhook: Option<Webhook>,
    /// Where they are logged.
    pub syslog: Option<Syslog>,
    /// Whether syslog gets the Common Event Format.
    pub cef: bool,
    /// What is told.
    pub topics: Vec<Topic>,
    /// From how many refusals a minute on.
    pub attacks_per_minute: u64,
    /// How many alerts a minute, to each.
    pub per_minute: u32,
}

/// A webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its address: the text of a [`Url`].
    pub url: Source,
    /// The header field of the secret.
    pub header: http::HeaderName,
    /// The secret.
    pub secret: Option<Source>,
    /// The root to trust, instead of the usual ones.
    pub root: Option<PathBuf>,
}

/// Where a text comes from that may be a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// It is written in the policy.
    Text(String),
    /// A file holds it.
    File(PathBuf),
    /// A variable of the environment holds it.
    Variable(String),
}

impl FromText for Source {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        Ok(match (text.strip_prefix("file:"), text.strip_prefix("env:")) {
            (Some(path), _) if !path.is_empty() => Self::File(path.into()),
            (_, Some(name)) if !name.is_empty() => Self::Variable(name.to_owned()),
            _ => Self::Text(text.to_owned()),
        })
    }
}

/// The address of a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    /// Whether it is reached by TLS.
    pub https: bool,
    /// The host: a name or an address, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The host and port as written.
    pub authority: String,
    /// Path and query.
    pub target: String,
}

impl FromText for Url {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        let wrong = |message: &str| Wrong::new(message, "write \"https://hooks.example.com/alerts\", or http on this machine");
        let (https, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (_, Some(rest)) => (false, rest),
            _ => return Err(wrong("this is no address of a webhook")),
        };
        let start = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at_checked(start).unwrap_or((rest, ""));
        let visible = !authority.is_empty() && rest.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
        let (host, port) =
            host_and_port(authority).filter(|_| visible).ok_or_else(|| wrong("this is no address of a webhook"))?;
        if !https && !is_this_machine(&host) {
            return Err(wrong("alerts would pass unencrypted over a network (CWE-319)"));
        }
        let slash = if target.starts_with('/') { "" } else { "/" };
        let port = port.unwrap_or(if https { 443 } else { 80 });
        Ok(Self { https, host, port, authority: authority.to_owned(), target: format!("{slash}{target}") })
    }
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// `name`, `name:port`, `[::1]:port`; the brackets are taken off.
fn host_and_port(text: &str) -> Option<(String, Option<u16>)> {
    let (host, rest) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, rest)) => (address.parse::<std::net::Ipv6Addr>().ok()?.to_string(), rest),
        None => {
            let (name, rest) = text.split_at_checked(text.find(':').unwrap_or(text.len()))?;
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
            (Some(name).filter(|name| !name.is_empty() && name.bytes().all(plain))?.to_ascii_lowercase(), rest)
        }
    };
    match rest.strip_prefix(':') {
        Some(digits) => digits.parse().ok().filter(|port| *port != 0).map(|port| (host, Some(port))),
        None => rest.is_empty().then_some((host, None)),
    }
}

/// A syslog server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Syslog {
    /// Each alert is a datagram (RFC 5426).
    Udp(String, u16),
    /// Each alert is preceded by its length (RFC 6587 section 3.4.1).
    Tcp(String, u16),
    /// A datagram socket of this machine.
    Unix(PathBuf),
}

impl FromText for Syslog {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        let wrong = || {
            Wrong::new(
                format!("`{text}` is no syslog server"),
                "write \"udp://logs.example.com:514\", \"tcp://…\" or \"unix:/dev/log\"",
            )
        };
        let (kind, rest) = text.split_once(':').ok_or_else(wrong)?;
        if kind == "unix" && rest.starts_with('/') && rest.len() < 108 {
            return Ok(Self::Unix(rest.into()));
        }
        let (host, port) = rest.strip_prefix("//").and_then(host_and_port).ok_or_else(wrong)?;
        match kind {
            "udp" => Ok(Self::Udp(host, port.unwrap_or(514))),
            "tcp" => Ok(Self::Tcp(host, port.unwrap_or(601))),
            _ => Err(wrong()),
        }
    }
}
crate::value_from_text!(Source, Url, Syslog);

impl Alerting {
    pub(super) fn compile(reader: &mut Reader<'_>) -> Self {
        let alerting = Self {
            webhook: webhook(reader),
            syslog: reader.optional("syslog"),
            cef: reader.get::<String>("format") == "cef",
            topics: reader.get("on"),
            attacks_per_minute: reader.get("attacks_per_minute"),
            per_minute: reader.get("per_minute"),
        };
        if alerting.webhook.is_none() && reader.is_written("secret") {
            reader.warning("secret", "there is no webhook to send it to", "name a `webhook`");
        }
        alerting
    }

    /// Makes the paths of its files count from the policy's folder.
    pub fn resolve_files(&mut self, folder: &Path) {
        let Some(webhook) = &mut self.webhook else { return };
        for source in [Some(&mut webhook.url), webhook.secret.as_mut()].into_iter().flatten() {
            if let Source::File(path) = source {
                *path = folder.join(&*path);
            }
        }
        webhook.root = webhook.root.take().map(|path| folder.join(path));
    }
}

fn webhook(reader: &mut Reader<'_>) -> Option<Webhook> {
    let url: Option<Source> = reader.optional("webhook");
    if let Some(Source::Text(text)) = &url
        && let Err(wrong) = Url::from_text(text)
    {
        reader.error("webhook", wrong.message, wrong.help);
    }
    let secret: Option<Source> = reader.optional("secret");
    if let Some(Source::Text(_)) = &secret {
        reader.error(
            "secret",
            "a secret in a policy is none (CWE-798)",
            "write \"file:PATH\" or \"env:NAME\", and the secret there",
        );
    }
    let name: String = reader.get("header");
    let header = http::HeaderName::try_from(name.as_str());
    if header.is_err() {
        reader.error("header", format!("`{name}` is not a header field's name"), "write \"authorization\" or \"x-api-key\"");
    }
    let root = reader.optional::<String>("root").map(PathBuf::from);
    Some(Webhook { url: url?, header: header.ok()?, secret, root })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;

    fn alert(lines: &str) -> Result<Alerting, String> {
        Policy::parse(&format!("[alert]\n{lines}")).map(|policy| policy.alert).map_err(|problems| problems.to_string())
    }

    #[test]
    fn nobody_is_told_unless_somebody_is_named() {
        let none = Policy::parse("").unwrap().alert;
        assert!(none.webhook.is_none() && none.syslog.is_none());
        assert!(!Policy::parse("[alert]\nsecret = \"env:HOOK\"").unwrap().warnings.0.is_empty());
    }

    #[test]
    fn addresses_are_read_and_plain_ones_stay_on_this_machine() {
        let url = |text: &str| Url::from_text(text).ok().map(|url| (url.https, url.host, url.port, url.target));
        assert_eq!(url("https://a.example/x?y"), Some((true, "a.example".into(), 443, "/x?y".into())));
        assert_eq!(url("https://a.example?y"), Some((true, "a.example".into(), 443, "/?y".into())));
        assert_eq!(url("http://[::1]:8080"), Some((false, "::1".into(), 8080, "/".into())));
        for wrong in [
            "http://a.example/",
            "http://10.0.0.1/",
            "ftp://a",
            "https://",
            "https://u@a/",
            "https://a b/",
            "https://a:0/",
            "https://a/#f",
        ] {
            assert_eq!(url(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn syslog_servers_are_read() {
        assert_eq!(alert("syslog = \"udp://127.0.0.1\"").unwrap().syslog, Some(Syslog::Udp("127.0.0.1".into(), 514)));
        assert_eq!(alert("syslog = \"tcp://[::1]:6514\"").unwrap().syslog, Some(Syslog::Tcp("::1".into(), 6514)));
        assert_eq!(alert("syslog = \"unix:/dev/log\"").unwrap().syslog, Some(Syslog::Unix("/dev/log".into())));
        for wrong in ["udp:127.0.0.1", "tls://a:1", "unix:log", "udp://", "localhost"] {
            assert!(alert(&format!("syslog = \"{wrong}\"")).is_err(), "{wrong}");
        }
    }

    #[test]
    fn no_secret_stands_in_a_policy() {
        assert!(alert("webhook = \"https://a.example/\"\nsecret = \"hunter2\"").unwrap_err().contains("CWE-798"));
        let mut read = alert("webhook = \"file:hook.url\"\nsecret = \"env:HOOK\"\nheader = \"X-Key\"").unwrap();
        read.resolve_files(Path::new("/etc/app"));
        let webhook = read.webhook.unwrap();
        assert_eq!(
            (webhook.url, webhook.secret),
            (Source::File("/etc/app/hook.url".into()), Some(Source::Variable("HOOK".into())))
        );
        assert_eq!(webhook.header, "x-key");
    }
}
