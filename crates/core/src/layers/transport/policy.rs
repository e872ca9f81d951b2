//! `[transport]`

use super::hosts::Hosts;
use crate::policy::{App, FromText, Key, Kind, Listen, MODE, Reader, Section, Wrong};
use ipnet::IpNet;
use std::{path::PathBuf, time::Duration};

/// `[transport]`
pub const SECTION: Section = Section {
    name: "transport",
    about: "TLS, HTTPS everywhere, and the hosts the app answers to.",
    why: "Eavesdropping and downgrade (CWE-319, CWE-757), Host header attacks and DNS rebinding (CWE-350, CWE-644); \
          ASVS 5.0 12.1, 12.2.",
    keys: &[
        MODE,
        Key {
            name: "profile",
            kind: Kind::Choice(&["intermediate", "modern"]),
            default: "\"intermediate\"",
            about: "Mozilla's profile: `intermediate` speaks TLS 1.2 and 1.3, `modern` TLS 1.3 alone.",
            why: "Every browser since 2016 can; both have forward secrecy and post-quantum key exchange.",
        },
        Key {
            name: "redirect",
            kind: Kind::Bool,
            default: "true",
            about: "Send plain HTTP to HTTPS (308: the method stays).",
            why: "What is typed without a scheme still arrives over plain HTTP in some browsers.",
        },
        Key {
            name: "hsts",
            kind: Kind::Duration,
            default: "\"730d\"",
            about: "How long browsers shall use HTTPS alone; `0s` makes them forget. Never sent for localhost or an address.",
            why: "Mozilla's two years. For localhost it would take every other development server on this machine off plain HTTP.",
        },
        Key {
            name: "hsts_subdomains",
            kind: Kind::Bool,
            default: "false",
            about: "Whether HSTS binds all names below the host as well.",
            why: "It would bind hosts that this policy knows nothing of.",
        },
        Key {
            name: "hsts_preload",
            kind: Kind::Bool,
            default: "false",
            about: "Whether browsers may ship the host in their preload list.",
            why: "Getting off that list takes months.",
        },
        Key {
            name: "certificate",
            kind: Kind::Tables(&CERTIFICATE),
            default: "",
            about: "Certificates from files, one table each.",
            why: "Hosts that no file and no `acme` covers get a certificate from the development authority (`gambeson ca`).",
        },
        Key {
            name: "acme",
            kind: Kind::Table(&ACME),
            default: "",
            about: "Certificates from Let's Encrypt or another ACME authority, renewed by themselves.",
            why: "Needs a public name and your consent, so never by default.",
        },
        Key {
            name: "client_certificates",
            kind: Kind::Table(&CLIENT_CERTIFICATES),
            default: "",
            about: "Certificates that clients present.",
            why: "Browsers ask people puzzling questions about them, so never by default.",
        },
    ],
};

const CERTIFICATE: Section = Section {
    name: "certificate",
    about: "A certificate and its key, in PEM files that are read again when they change.",
    why: "For certificates that something else renews.",
    keys: &[
        Key {
            name: "chain",
            kind: Kind::Text("file"),
            default: "",
            about: "The certificate and the intermediates after it.",
            why: "It must be given. A relative path counts from the policy's folder.",
        },
        Key {
            name: "key",
            kind: Kind::Text("file"),
            default: "",
            about: "Its private key; readable by its owner alone.",
            why: "It must be given; it may be the same file.",
        },
        Key {
            name: "hosts",
            kind: Kind::List(&Kind::Text("host name")),
            default: "[]",
            about: "The hosts it is for; empty for those of `app.hosts` it covers.",
            why: "The certificate says so itself.",
        },
    ],
};

const ACME: Section = Section {
    name: "acme",
    about: "Certificates from an ACME authority (RFC 8555).",
    why: "Certificates that renew themselves do not expire on a Sunday.",
    keys: &[
        Key {
            name: "agree",
            kind: Kind::Bool,
            default: "false",
            about: "That you agree to the authority's terms of service.",
            why: "Only you can.",
        },
        Key {
            name: "email",
            kind: Kind::Text("mail address"),
            default: "",
            about: "Where the authority may write to.",
            why: "Optional; Let's Encrypt sends nothing any more.",
        },
        Key {
            name: "directory",
            kind: Kind::Text("address"),
            default: "\"https://acme-v02.api.letsencrypt.org/directory\"",
            about: "The authority's directory.",
            why: "Let's Encrypt, free and in every browser.",
        },
        Key {
            name: "ca_root",
            kind: Kind::Text("file"),
            default: "",
            about: "A root certificate (PEM) to trust when talking to the authority, instead of the usual ones.",
            why: "For an authority of your own.",
        },
        Key {
            name: "challenge",
            kind: Kind::Choice(&["http-01", "tls-alpn-01"]),
            default: "\"http-01\"",
            about: "How the host is proved: over plain HTTP on port 80, or over TLS on port 443.",
            why: "Port 80 is there for the redirect anyway, and passes more load balancers.",
        },
        Key {
            name: "hosts",
            kind: Kind::List(&Kind::Text("host name")),
            default: "[]",
            about: "The hosts to get certificates for; empty for every public name of `app.hosts`.",
            why: "Those are the names people use.",
        },
        Key {
            name: "profile",
            kind: Kind::Text("profile"),
            default: "",
            about: "The authority's profile, such as `tlsserver` or `shortlived`.",
            why: "The authority's default.",
        },
        Key {
            name: "eab_id",
            kind: Kind::Text("key id"),
            default: "",
            about: "The id of an external account, for authorities that ask for one.",
            why: "Let's Encrypt does not.",
        },
        Key {
            name: "eab_key",
            kind: Kind::Text("file"),
            default: "",
            about: "A file with the external account's key (base64url), readable by its owner alone.",
            why: "No secret stands in a policy.",
        },
    ],
};

const CLIENT_CERTIFICATES: Section = Section {
    name: "client_certificates",
    about: "Certificates that clients present in the TLS handshake.",
    why: "Machines and staff prove who they are before a byte reaches the app (ASVS 5.0 12.1.3).",
    keys: &[
        Key {
            name: "mode",
            kind: Kind::Choice(&["off", "optional", "required"]),
            default: "\"required\"",
            about: "Whether clients are not asked, may present one, or must.",
            why: "Who writes this table wants them.",
        },
        Key {
            name: "ca",
            kind: Kind::List(&Kind::Text("file")),
            default: "[]",
            about: "PEM files of the authorities whose certificates are accepted.",
            why: "Nobody is, until named.",
        },
        Key {
            name: "crl",
            kind: Kind::List(&Kind::Text("file")),
            default: "[]",
            about: "Revocation lists; with any, every certificate must be covered by a current one.",
            why: "An outdated list is a refusal, or a thief need only wait.",
        },
    ],
};

/// The section as compiled.
#[derive(Debug, Default)]
pub struct Transport {
    /// Protocol versions and cipher suites.
    pub profile: Profile,
    /// Certificates from files.
    pub certificates: Vec<Certificate>,
    /// Certificates from an authority.
    pub acme: Option<Acme>,
    /// Certificates that clients present; `None`: they are not asked.
    pub client_certificates: Option<ClientCertificates>,
    pub(super) hosts: Hosts,
    pub(super) hsts: Option<http::HeaderValue>,
    /// The public port of HTTPS, when plain HTTP is sent there.
    pub(super) redirect_port: Option<u16>,
    /// A trusted proxy opens connections under its own name, so its SNI says nothing of the host.
    pub(super) trusted_proxies: Vec<IpNet>,
}

/// Which clients are served, after Mozilla's Server Side TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Profile {
    /// TLS 1.2 and 1.3.
    #[default]
    Intermediate,
    /// TLS 1.3 alone.
    Modern,
}

/// How a host is proved to an authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Challenge {
    /// Over plain HTTP on port 80 (RFC 8555 section 8.3).
    #[default]
    Http01,
    /// In a TLS handshake on port 443 (RFC 8737).
    TlsAlpn01,
}

/// A certificate in files. Relative paths count from the policy's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The certificate, then its issuers.
    pub chain: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// The hosts it is for; empty: those it covers.
    pub hosts: Vec<String>,
}

/// An ACME authority and what is asked of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acme {
    /// Where it may write to.
    pub email: Option<String>,
    /// Its directory's URL.
    pub directory: String,
    /// The root to trust when talking to it, instead of the usual ones.
    pub ca_root: Option<PathBuf>,
    /// How hosts are proved.
    pub challenge: Challenge,
    /// The hosts to get certificates for.
    pub hosts: Vec<String>,
    /// The authority's profile.
    pub profile: Option<String>,
    /// An external account: its id, and the file with its key.
    pub external_account: Option<(String, PathBuf)>,
}

/// Who vouches for clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificates {
    /// Whether a client without one is refused.
    pub required: bool,
    /// PEM files of authorities.
    pub ca: Vec<PathBuf>,
    /// Revocation lists.
    pub crl: Vec<PathBuf>,
}

impl FromText for Profile {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        Ok(if text == "modern" { Self::Modern } else { Self::Intermediate })
    }
}

impl FromText for Challenge {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        Ok(if text == "tls-alpn-01" { Self::TlsAlpn01 } else { Self::Http01 })
    }
}
crate::value_from_text!(Profile, Challenge);

impl Transport {
    pub(crate) fn compile(reader: &mut Reader<'_>, app: &App, listen: &Listen) -> Self {
        let redirect: bool = reader.get("redirect");
        let port = listen.public_port.or(listen.https.map(|address| address.port()));
        if redirect && !listen.plain && listen.http.is_some() && port.is_none() {
            let help = "give `listen.https` an address; behind a load balancer that ends TLS set `listen.plain = true`";
            reader.error("redirect", "plain HTTP is redirected, but there is no HTTPS", help);
        }
        Self {
            profile: reader.optional("profile").unwrap_or_default(),
            certificates: certificates(reader, app),
            acme: reader.table_at("acme").and_then(|mut reader| acme(&mut reader, app, listen)),
            client_certificates: reader.table_at("client_certificates").and_then(|mut reader| clients(&mut reader)),
            hosts: Hosts::new(&app.hosts),
            hsts: hsts(reader),
            redirect_port: port.filter(|_| redirect && !listen.plain),
            trusted_proxies: listen.trusted_proxies.clone(),
        }
    }
}

fn hsts(reader: &mut Reader<'_>) -> Option<http::HeaderValue> {
    let age: Duration = reader.get("hsts");
    let (subdomains, preload): (bool, bool) = (reader.get("hsts_subdomains"), reader.get("hsts_preload"));
    let year = Duration::from_secs(31_536_000);
    if preload && (!subdomains || age < year) {
        let help = "set `hsts_subdomains = true` and `hsts = \"730d\"`, or leave `hsts_preload` out (hstspreload.org)";
        reader.error("hsts_preload", "the preload list takes only hosts that bind their subdomains for a year or more", help);
    }
    if !age.is_zero() && age < year / 2 && reader.is_written("hsts") {
        reader.warning("hsts", "less than half a year protects rare visitors little", "\"730d\" is Mozilla's advice");
    }
    let mut text = format!("max-age={}", age.as_secs());
    for (wanted, word) in [(subdomains, "; includeSubDomains"), (preload, "; preload")] {
        text.push_str(if wanted { word } else { "" });
    }
    http::HeaderValue::try_from(text).ok()
}

fn certificates(reader: &mut Reader<'_>, app: &App) -> Vec<Certificate> {
    let hosts = Hosts::new(&app.hosts);
    let mut certificates = Vec::new();
    reader.each_table("certificate", |reader| {
        let wanted: Vec<String> = reader.get("hosts");
        foreign_hosts(reader, &hosts, &wanted);
        let (chain, key) = (required_file(reader, "chain"), required_file(reader, "key"));
        if let (Some(chain), Some(key)) = (chain, key) {
            certificates.push(Certificate { chain, key, hosts: wanted });
        }
    });
    certificates
}

fn foreign_hosts(reader: &mut Reader<'_>, hosts: &Hosts, wanted: &[String]) {
    if let Some(foreign) = wanted.iter().find(|host| !hosts.covers(host)) {
        reader.warning("hosts", format!("`{foreign}` is not in `app.hosts`, so requests for it are refused"), "add it there");
    }
}

fn required_file(reader: &mut Reader<'_>, key: &str) -> Option<PathBuf> {
    let file: Option<String> = reader.optional(key);
    if file.is_none() && !reader.is_written(key) {
        reader.error(key, "this file must be named", format!("add `{key} = \"FILE\"`"));
    }
    file.map(PathBuf::from)
}

fn acme(reader: &mut Reader<'_>, app: &App, listen: &Listen) -> Option<Acme> {
    let hosts: Vec<String> = reader.get("hosts");
    foreign_hosts(reader, &Hosts::new(&app.hosts), &hosts);
    let public = || app.hosts.iter().filter(|host| super::hosts::is_public(host)).cloned().collect();
    let hosts: Vec<String> = if hosts.is_empty() { public() } else { hosts };
    let directory: String = reader.get("directory");
    let challenge = reader.optional("challenge").unwrap_or_default();
    let external = (reader.optional("eab_id"), reader.optional::<String>("eab_key").map(PathBuf::from));
    if !reader.get::<bool>("agree") {
        reader.error("agree", "an authority needs your consent to its terms", "read them, then set `agree = true`");
    }
    if hosts.is_empty() {
        reader.error("hosts", "no public name to get a certificate for", "name one in `app.hosts`, such as \"shop.example.com\"");
    }
    if let Some(wildcard) = hosts.iter().find(|host| host.starts_with("*.")) {
        let help = "name each host, or get the wildcard with another tool and use [[transport.certificate]]";
        reader.error("hosts", format!("`{wildcard}` needs a DNS challenge, which Gambeson does not do"), help);
    }
    if !directory.starts_with("https://") {
        reader.error("directory", format!("`{directory}` is not an https:// address"), "name the authority's directory");
    }
    let door = match challenge {
        Challenge::Http01 => listen.http,
        Challenge::TlsAlpn01 => listen.https,
    };
    if door.is_none() {
        reader.error(
            "challenge",
            "the gateway does not listen where this challenge arrives",
            "give `listen.http` or `listen.https` an address",
        );
    }
    if external.0.is_some() != external.1.is_some() {
        reader.error("eab_id", "an external account has an id and a key", "give both `eab_id` and `eab_key`, or neither");
    }
    Some(Acme {
        email: reader.optional("email"),
        directory,
        ca_root: reader.optional::<String>("ca_root").map(PathBuf::from),
        challenge,
        hosts,
        profile: reader.optional("profile"),
        external_account: external.0.zip(external.1),
    })
}

fn clients(reader: &mut Reader<'_>) -> Option<ClientCertificates> {
    let files = |names: Vec<String>| names.into_iter().map(PathBuf::from).collect::<Vec<_>>();
    let mode: String = reader.get("mode");
    let (ca, crl) = (files(reader.get("ca")), files(reader.get("crl")));
    if mode == "off" {
        return None;
    }
    if ca.is_empty() {
        reader.error("ca", "no authority is named, so no client could prove itself", "add `ca = [\"FILE\"]`");
    }
    Some(ClientCertificates { required: mode != "optional", ca, crl })
}
