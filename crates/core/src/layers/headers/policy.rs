//! `[headers]` and `[headers.csp]`

use super::{
    Csp,
    csp::check_source,
    report::{ENDPOINT, REPORT_BYTES_MAX},
};
use crate::policy::{FromText, Key, Kind, MODE, Reader, Section, Wrong};
use http::{HeaderName, HeaderValue};

/// `[headers]`
pub const SECTION: Section = Section {
    name: "headers",
    about: "What browsers are told to refuse, and what answers no longer tell of the server.",
    why: "Injected scripts, framing, sniffed types, leaking referrers (CWE-79, CWE-1021, CWE-693, CWE-200; ASVS 3.4, 3.5.8, 13.4.6).",
    keys: &[
        MODE,
        Key {
            name: "csp",
            kind: Kind::Table(&CSP),
            default: "",
            about: "The Content-Security-Policy of every document.",
            why: "See `[headers.csp]`.",
        },
        Key {
            name: "referrer_policy",
            kind: Kind::Choice(&[
                "no-referrer",
                "same-origin",
                "strict-origin",
                "strict-origin-when-cross-origin",
                "origin-when-cross-origin",
                "no-referrer-when-downgrade",
            ]),
            default: "\"strict-origin-when-cross-origin\"",
            about: "What other sites learn of where a visitor comes from; an app's own choice is kept.",
            why: "Only the origin: paths and queries may carry secrets (CWE-200). Embedded videos and payment pages work.",
        },
        Key {
            name: "features",
            kind: Kind::List(&Kind::Text("feature")),
            default: "[]",
            about: "Browser features that the app's own pages may ask for: `camera`, `geolocation`, `microphone`, `payment` and the like.",
            why: "None: an injected script or a frame shall not ask in the app's name. The rest is switched off by Permissions-Policy.",
        },
        Key {
            name: "opener",
            kind: Kind::Choice(&["same-origin", "same-origin-allow-popups", "noopener-allow-popups", "unsafe-none"]),
            default: "\"same-origin-allow-popups\"",
            about: "Cross-Origin-Opener-Policy: which windows may hold on to each other.",
            why: "A foreign page that opens the app loses its handle (XS-Leaks, tab-nabbing); the app's own sign-in and payment popups work.",
        },
        Key {
            name: "embedder",
            kind: Kind::Choice(&["unsafe-none", "credentialless", "require-corp"]),
            default: "\"unsafe-none\"",
            about: "Cross-Origin-Embedder-Policy; `unsafe-none` sends nothing.",
            why: "The others break images and frames of third parties, and are needed only for SharedArrayBuffer.",
        },
        Key {
            name: "resource",
            kind: Kind::Choice(&["same-origin", "same-site", "cross-origin"]),
            default: "\"same-origin\"",
            about: "Cross-Origin-Resource-Policy: which sites may embed the app's answers.",
            why: "What is not offered by CORS is nobody else's to load (Spectre, XSSI, hotlinking). A file host for sister sites wants `same-site`.",
        },
        Key {
            name: "remove",
            kind: Kind::List(&Kind::Text("header field")),
            default: "[]",
            about: "More fields that never leave, beside `Server`, `X-Powered-By`, `X-AspNet-*`, `X-Debug-*`, `X-Runtime`, `X-Generator`.",
            why: "Versions save an attacker the search (CWE-200).",
        },
    ],
};

macro_rules! sources {
    ($name:literal, $default:literal, $about:literal, $why:literal) => {
        Key { name: $name, kind: Kind::List(&Kind::Text("source")), default: $default, about: $about, why: $why }
    };
}

/// `[headers.csp]`. Nothing from another host until it is named: that is the one rule behind the defaults.
const CSP: Section = Section {
    name: "csp",
    about: "The Content-Security-Policy of every document: what pages may load, run and be framed by.",
    why: "An injected script does not run, a stolen form goes nowhere, a framed page does not show (CWE-79, CWE-1021; ASVS 3.4.3, 3.4.6).",
    keys: &[
        sources!("default_src", "[\"'none'\"]", "What has no directive of its own.", "Nothing: every kind is named below."),
        sources!(
            "script_src",
            "[\"'self'\"]",
            "Scripts. `'nonce'` stands for the nonce that the app reads from `x-gambeson-nonce`.",
            "Files of the app alone: an inline script may be the attacker's. `gambeson csp learn` proposes hashes and hosts."
        ),
        sources!(
            "script_hashes",
            "[]",
            "Inline scripts that may run, by hash: `sha256-…`.",
            "Added to `script_src`; `gambeson csp learn` finds them."
        ),
        sources!(
            "style_src",
            "[\"'self'\", \"'unsafe-inline'\"]",
            "Styles.",
            "Inline styles are everywhere and cannot be hashed as attributes; what they could leak, the other directives keep in."
        ),
        sources!(
            "style_hashes",
            "[]",
            "Inline style sheets that may apply, by hash. With any, browsers ignore `'unsafe-inline'`.",
            "Added to `style_src`."
        ),
        sources!("img_src", "[\"'self'\", \"data:\", \"blob:\"]", "Images.", "An image of another host can carry data away."),
        sources!("font_src", "[\"'self'\", \"data:\"]", "Fonts.", "As images."),
        sources!(
            "connect_src",
            "[\"'self'\"]",
            "What scripts may talk to, WebSockets included.",
            "An injected script could send data away."
        ),
        sources!("media_src", "[\"'self'\", \"blob:\"]", "Sound and video.", "As images."),
        sources!(
            "worker_src",
            "[\"'self'\", \"blob:\"]",
            "Workers.",
            "Libraries start theirs from blobs, which only scripts of the page make."
        ),
        sources!("manifest_src", "[\"'self'\"]", "The web app's manifest.", "Its own."),
        sources!("frame_src", "[\"'self'\"]", "What pages may frame.", "A foreign frame can imitate the page around it."),
        sources!("object_src", "[\"'none'\"]", "Plugins.", "They are gone, and were a way around script rules."),
        sources!(
            "base_uri",
            "[\"'self'\"]",
            "What `<base>` may say.",
            "An injected `<base>` turns relative scripts into foreign ones."
        ),
        sources!(
            "form_action",
            "[\"'self'\"]",
            "Where forms may go.",
            "An injected form could send a password away. A form that ends at a sign-in or payment host needs that host here."
        ),
        sources!(
            "frame_ancestors",
            "[\"'self'\"]",
            "Who may frame the app's pages; X-Frame-Options follows it.",
            "A framed page can be clicked through (CWE-1021); the app may frame itself."
        ),
        Key {
            name: "text",
            kind: Kind::Text("Content-Security-Policy"),
            default: "",
            about: "The whole policy as text, instead of the directives above.",
            why: "For a policy that exists already.",
        },
        Key {
            name: "from_app",
            kind: Kind::Choice(&["keep", "replace", "both"]),
            default: "\"keep\"",
            about: "What happens to a Content-Security-Policy that the app sends: it stays (and what it leaves open of `object-src`, \
                    `base-uri`, `frame-ancestors` is closed), it gives way, or both hold.",
            why: "An app that sends one knows its nonces; ours beside it would refuse its scripts.",
        },
        Key {
            name: "report_only",
            kind: Kind::Bool,
            default: "false",
            about: "Only report what the policy would refuse.",
            why: "For the first days of a new policy; a policy that only reports stops nothing.",
        },
        Key {
            name: "report",
            kind: Kind::Bool,
            default: "true",
            about: "Let browsers report what they refused, to `/.well-known/gambeson/csp`; the audit log has it.",
            why: "A page that breaks in silence gets its defence switched off; an attack that was stopped should be known.",
        },
    ],
};

/// The section as compiled.
#[derive(Debug)]
pub struct Headers {
    pub(super) csp: Option<Csp>,
    pub(super) csp_name: HeaderName,
    pub(super) from_app: FromApp,
    /// What an app's own policy gets beside it, each unless it says so itself.
    pub(super) floor: Vec<(&'static str, HeaderValue)>,
    pub(super) frame_options: Option<HeaderValue>,
    pub(super) referrer_policy: HeaderValue,
    pub(super) permissions_policy: HeaderValue,
    pub(super) opener: HeaderValue,
    pub(super) embedder: Option<HeaderValue>,
    pub(super) resource: HeaderValue,
    pub(super) remove: Vec<HeaderName>,
    pub(super) report_bytes_max: usize,
    report_to: Option<&'static str>,
    nonce_on_a_route: bool,
}

/// What happens to the app's own Content-Security-Policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum FromApp {
    #[default]
    Keep,
    Replace,
    Both,
}

const EMPTY: HeaderValue = HeaderValue::from_static("");

impl Default for Headers {
    fn default() -> Self {
        Self {
            csp: None,
            csp_name: http::header::CONTENT_SECURITY_POLICY,
            from_app: FromApp::Keep,
            floor: Vec::new(),
            frame_options: None,
            referrer_policy: EMPTY,
            permissions_policy: EMPTY,
            opener: EMPTY,
            embedder: None,
            resource: EMPTY,
            remove: Vec::new(),
            report_bytes_max: 0,
            report_to: None,
            nonce_on_a_route: false,
        }
    }
}

impl Headers {
    pub(crate) fn compile(reader: &mut Reader<'_>) -> Self {
        let embedder: String = reader.get("embedder");
        let mut headers = Self {
            referrer_policy: value(&reader.get::<String>("referrer_policy")),
            permissions_policy: permissions_policy(reader),
            opener: value(&reader.get::<String>("opener")),
            embedder: Some(embedder).filter(|choice| choice != "unsafe-none").map(|choice| value(&choice)),
            resource: value(&reader.get::<String>("resource")),
            remove: removed(reader),
            ..Self::default()
        };
        reader.within("csp", |reader| headers.compile_csp(reader));
        headers
    }

    fn compile_csp(&mut self, reader: &mut Reader<'_>) {
        self.report_to = reader.get::<bool>("report").then_some(ENDPOINT);
        self.report_bytes_max = if self.report_to.is_some() { REPORT_BYTES_MAX } else { 0 };
        self.from_app = match reader.get::<String>("from_app").as_str() {
            "replace" => FromApp::Replace,
            "both" => FromApp::Both,
            _ => FromApp::Keep,
        };
        if reader.get("report_only") {
            self.csp_name = http::header::CONTENT_SECURITY_POLICY_REPORT_ONLY;
        }
        let ancestors = sources(reader, "frame_ancestors").join(" ");
        self.frame_options = match ancestors.as_str() {
            "'none'" => Some(HeaderValue::from_static("DENY")),
            "'self'" => Some(HeaderValue::from_static("SAMEORIGIN")),
            _ => None,
        };
        self.floor = FLOOR.iter().map(|(name, text)| (*name, HeaderValue::from_static(text))).collect();
        self.floor.push(("frame-ancestors", value(&format!("frame-ancestors {ancestors}"))));
        let text = match reader.optional::<String>("text") {
            Some(text) => text,
            None => written(reader),
        };
        match Csp::new(&text, self.report_to) {
            Ok(csp) => self.csp = Some(csp),
            Err(wrong) => reader.error("text", wrong.message, wrong.help),
        }
    }

    /// A route's own policy, with the reports of this section.
    pub(crate) fn csp_of_route(&mut self, text: &str) -> Result<Csp, Wrong> {
        let csp = Csp::new(text, self.report_to)?;
        self.nonce_on_a_route |= csp.uses_nonce();
        Ok(csp)
    }

    /// Whether the app is told a nonce for its scripts.
    #[must_use]
    pub fn uses_nonce(&self) -> bool {
        self.nonce_on_a_route || self.csp.as_ref().is_some_and(Csp::uses_nonce)
    }
}

const FLOOR: &[(&str, &str)] = &[("object-src", "object-src 'none'"), ("base-uri", "base-uri 'self'")];

/// The directives, in the order of the section.
fn written(reader: &mut Reader<'_>) -> String {
    let mut text = String::new();
    for key in CSP.keys.iter().map(|key| key.name).filter(|name| name.ends_with("_src") || LIKE_SRC.contains(name)) {
        let mut sources = sources(reader, key);
        match key {
            "script_src" => sources.extend(hashes(reader, "script_hashes")),
            "style_src" => sources.extend(hashes(reader, "style_hashes")),
            _ => {}
        }
        if !sources.is_empty() {
            text.push_str(&format!("{} {}; ", key.replace('_', "-"), sources.join(" ")));
        }
    }
    text
}

const LIKE_SRC: [&str; 3] = ["base_uri", "form_action", "frame_ancestors"];

fn sources(reader: &mut Reader<'_>, key: &str) -> Vec<String> {
    let sources: Vec<Source> = reader.optional(key).unwrap_or_default();
    let sources: Vec<String> = sources.into_iter().map(|source| source.0).collect();
    if key == "script_src" {
        for source in sources.iter().filter(|source| OPEN.contains(&source.as_str())) {
            let help = "name hosts, or use hashes (`gambeson csp learn`) or `'nonce'`";
            reader.warning(key, format!("`{source}` lets injected scripts run"), help);
        }
    }
    sources
}

const OPEN: [&str; 6] = ["'unsafe-inline'", "*", "https:", "http:", "data:", "blob:"];

fn hashes(reader: &mut Reader<'_>, key: &str) -> Vec<String> {
    let written: Vec<String> = reader.get(key);
    let mut hashes = Vec::new();
    for text in &written {
        let bare = text.trim_matches('\'');
        let known = ["sha256-", "sha384-", "sha512-"].iter().any(|start| bare.starts_with(start));
        let clean = bare.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=-_".contains(&b));
        match known && clean {
            true => hashes.push(format!("'{bare}'")),
            false => reader.error(key, format!("`{text}` is not a hash"), "write \"sha256-\" and the hash in base 64"),
        }
    }
    hashes
}

/// One source, checked.
struct Source(String);

impl FromText for Source {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        check_source(text).map(|()| Self(text.to_owned()))
    }
}
crate::value_from_text!(Source);

/// Features a page must ask for, and that ordinary pages do not use. Names that some browser does not know only cost a
/// line in its console, so the list has those that Chromium knows.
const FEATURES: &[&str] = &[
    "accelerometer",
    "bluetooth",
    "camera",
    "display-capture",
    "geolocation",
    "gyroscope",
    "hid",
    "idle-detection",
    "local-fonts",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "serial",
    "usb",
    "xr-spatial-tracking",
];

fn permissions_policy(reader: &mut Reader<'_>) -> HeaderValue {
    let allowed: Vec<String> = reader.get("features");
    for name in allowed.iter().filter(|name| !FEATURES.contains(&name.as_str())) {
        let help = crate::policy::suggestion(name, FEATURES.iter().copied(), "features");
        reader.error("features", format!("`{name}` is not one of the features that are off"), help);
    }
    let one = |name: &&str| match allowed.iter().any(|allowed| allowed == name) {
        true => format!("{name}=(self)"),
        false => format!("{name}=()"),
    };
    value(&FEATURES.iter().map(one).collect::<Vec<_>>().join(", "))
}

fn removed(reader: &mut Reader<'_>) -> Vec<HeaderName> {
    let written: Vec<String> = reader.get("remove");
    let mut names = Vec::new();
    for text in &written {
        match HeaderName::try_from(text.as_str()) {
            Ok(name) => names.push(name),
            Err(_) => reader.error("remove", format!("`{text}` is not a header field"), "write its name, such as \"X-Backend\""),
        }
    }
    names
}

/// Choices and lists of names: always sendable.
fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(EMPTY)
}
