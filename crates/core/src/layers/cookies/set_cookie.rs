//! One Set-Cookie line, read as browsers do (RFC 6265bis section 5.6) and written again with what it lacks.

use super::{
    names::PREFIX,
    policy::{Cookies, SameSite},
};

/// A Set-Cookie line. Quoted values and commas in dates are left as they are: only `;` divides.
pub(super) struct SetCookie<'a> {
    pub(super) name: &'a [u8],
    value: &'a [u8],
    attributes: &'a [u8],
}

/// Why a line is no cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Nameless,
    Control,
}

impl Fault {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Nameless => "a Set-Cookie has no name (CWE-436)",
            Self::Control => "a Set-Cookie has a control character or a space in its name (CWE-436)",
        }
    }
}

/// A line as it may leave.
pub(super) struct Mended<'a> {
    pub(super) line: Vec<u8>,
    /// What was added, for the operator.
    pub(super) added: Vec<&'static str>,
    /// The domain that was taken away.
    pub(super) wide_domain: Option<&'a [u8]>,
}

impl<'a> SetCookie<'a> {
    pub(super) fn parse(line: &'a [u8]) -> Result<Self, Fault> {
        let (pair, attributes) = split(line, b';');
        let (name, value) = match pair.contains(&b'=') {
            true => split(pair, b'='),
            false => (&b""[..], pair),
        };
        let (name, value) = (name.trim_ascii(), value.trim_ascii());
        if name.is_empty() {
            return Err(Fault::Nameless);
        }
        let control = |bytes: &[u8]| bytes.iter().any(u8::is_ascii_control);
        if control(line) || name.contains(&b' ') {
            return Err(Fault::Control);
        }
        Ok(Self { name, value, attributes })
    }

    /// The length of name and value, which browsers limit.
    pub(super) const fn pair_len(&self) -> usize {
        self.name.len() + self.value.len()
    }

    fn attributes(&self) -> impl Iterator<Item = &'a [u8]> {
        self.attributes.split(|&b| b == b';').map(<[u8]>::trim_ascii).filter(|attribute| !attribute.is_empty())
    }

    /// The line with what it lacks. Attributes we do not know stay.
    pub(super) fn mended(&self, policy: &Cookies, https: bool, host: &str) -> Mended<'a> {
        let is = |known: &String| known.as_bytes() == self.name;
        let prefix = https && policy.prefixed.iter().any(is);
        let readable = policy.script_readable.iter().any(is);
        let mut out = Mended { line: Vec::with_capacity(128), added: Vec::new(), wide_domain: None };
        if prefix {
            out.line.extend_from_slice(PREFIX);
            out.added.push("__Host-");
        }
        out.line.extend_from_slice(self.name);
        out.line.push(b'=');
        out.line.extend_from_slice(self.value);
        let mut had = Had::default();
        for attribute in self.attributes() {
            match had.see(attribute) {
                Seen::Domain(domain) if !policy.may_span(domain, host) => out.wide_domain = Some(domain),
                Seen::Domain(_) | Seen::Path if prefix => {}
                Seen::Repeated | Seen::Meaningless => {}
                _ => append(&mut out.line, attribute),
            }
        }
        if prefix {
            append(&mut out.line, b"Path=/");
        }
        let mut add = |wanted: bool, attribute: &'static str| {
            if wanted {
                append(&mut out.line, attribute.as_bytes());
                out.added.push(attribute);
            }
        };
        add(https && !had.secure, "Secure");
        add(!readable && !had.http_only, "HttpOnly");
        add(!had.same_site, if policy.same_site == SameSite::Strict { "SameSite=Strict" } else { "SameSite=Lax" });
        out
    }
}

/// Which attributes were there.
#[derive(Default)]
struct Had {
    secure: bool,
    http_only: bool,
    same_site: bool,
}

enum Seen<'a> {
    Domain(&'a [u8]),
    Path,
    Other,
    /// Once is enough.
    Repeated,
    /// Browsers would take it for unset.
    Meaningless,
}

impl Had {
    fn see<'a>(&mut self, attribute: &'a [u8]) -> Seen<'a> {
        let (name, value) = split(attribute, b'=');
        let (name, value) = (name.trim_ascii(), value.trim_ascii());
        let is = |word: &str| name.eq_ignore_ascii_case(word.as_bytes());
        let once = |seen: &mut bool| if std::mem::replace(seen, true) { Seen::Repeated } else { Seen::Other };
        if is("domain") {
            Seen::Domain(value)
        } else if is("path") {
            Seen::Path
        } else if is("secure") {
            once(&mut self.secure)
        } else if is("httponly") {
            once(&mut self.http_only)
        } else if is("samesite") {
            let known = ["strict", "lax", "none"].iter().any(|word| value.eq_ignore_ascii_case(word.as_bytes()));
            if known { once(&mut self.same_site) } else { Seen::Meaningless }
        } else {
            Seen::Other
        }
    }
}

impl Cookies {
    /// Whether a cookie of this host may be set for that domain: the host itself, or a parent that the policy names.
    fn may_span(&self, domain: &[u8], host: &str) -> bool {
        let domain = domain.strip_prefix(b".").unwrap_or(domain);
        let named = |parent: &String| domain.eq_ignore_ascii_case(parent.as_bytes()) && is_below(host, parent);
        domain.is_empty() || domain.eq_ignore_ascii_case(host.as_bytes()) || self.domains.iter().any(named)
    }
}

fn is_below(host: &str, parent: &str) -> bool {
    host.strip_suffix(parent).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

fn append(line: &mut Vec<u8>, attribute: &[u8]) {
    line.extend_from_slice(b"; ");
    line.extend_from_slice(attribute);
}

fn split(bytes: &[u8], at: u8) -> (&[u8], &[u8]) {
    let index = bytes.iter().position(|&b| b == at).unwrap_or(bytes.len());
    let (first, rest) = bytes.split_at_checked(index).unwrap_or((bytes, b""));
    (first, rest.get(1..).unwrap_or_default())
}
