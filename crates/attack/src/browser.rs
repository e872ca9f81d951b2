//! What a current browser would do with an answer: the defences that a server can only ask for.
//!
//! No browser runs here. Each judgement follows the specification that browsers implement, errs towards "the attack works", and
//! is named in the verdict's evidence.

use crate::http::{Request, Response};
use crate::target::Origin;

/// Which page makes the visitor's browser send a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum From {
    /// The visitor: typed, or a bookmark.
    Visitor,
    /// A page of the target itself.
    Own,
    /// A page of another origin of the same site: another port, a sibling host. `SameSite` does not protect from it.
    Sibling(String),
    /// A page of a foreign site.
    Foreign(String),
}

impl From {
    /// A foreign site nobody owns (RFC 2606).
    pub(crate) fn foreign() -> From {
        From::Foreign("https://evil.example".into())
    }

    /// The same host on another port: one site, two origins.
    pub(crate) fn sibling(target: &Origin) -> From {
        let port = if target.port == u16::MAX { 1 } else { target.port + 1 };
        From::Sibling(Origin { port, ..target.clone() }.to_string())
    }

    fn site(&self) -> &'static str {
        match self {
            From::Visitor => "none",
            From::Own => "same-origin",
            From::Sibling(_) => "same-site",
            From::Foreign(_) => "cross-site",
        }
    }

    pub(crate) fn origin(&self, target: &Origin) -> Option<String> {
        match self {
            From::Visitor => None,
            From::Own => Some(target.to_string()),
            From::Sibling(origin) | From::Foreign(origin) => Some(origin.clone()),
        }
    }
}

/// How the page sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// A link or form: the whole tab goes there.
    Navigate,
    /// `fetch` with CORS.
    Fetch,
    /// An image, script or the like.
    Embed,
    /// `new WebSocket`.
    WebSocket,
}

/// Adds the headers that a browser adds. Fetch Metadata is sent to `https` and loopback addresses, which is all we attack.
pub(crate) fn dress(request: Request, target: &Origin, from: &From, how: How) -> Request {
    let (mode, dest, accept) = match how {
        How::Navigate => ("navigate", "document", "text/html,application/xhtml+xml,*/*;q=0.8"),
        How::Fetch => ("cors", "empty", "*/*"),
        How::Embed => ("no-cors", "image", "image/*,*/*;q=0.8"),
        How::WebSocket => ("websocket", "websocket", "*/*"),
    };
    let safe = matches!(request.method, "GET" | "HEAD");
    let mut request = request
        .header(
            "User-Agent",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
        )
        .header("Accept", accept)
        .header("Accept-Language", "en")
        .header("Sec-Fetch-Site", from.site())
        .header("Sec-Fetch-Mode", mode)
        .header("Sec-Fetch-Dest", dest);
    if let Some(origin) = from.origin(target) {
        let foreign_fetch = how == How::Fetch && *from != From::Own;
        if !safe || foreign_fetch || how == How::WebSocket {
            request = request.header("Origin", &origin);
        }
        request = request.header("Referer", &format!("{origin}/"));
    }
    request
}

/// Whether a script on a page of `origin` may read the answer (Fetch, section 3.3): exactly its origin, or `*` without cookies.
pub(crate) fn may_read(response: &Response, origin: &str, with_cookies: bool) -> bool {
    let mut allowed = response.all("access-control-allow-origin");
    let (Some(first), None) = (allowed.next(), allowed.next()) else {
        return false;
    };
    if !with_cookies {
        return first == "*" || first == origin;
    }
    first == origin && response.header("access-control-allow-credentials") == Some("true")
}

/// Whether a preflight's answer allows a method (Fetch, section 4.8).
pub(crate) fn preflight_allows(response: &Response, origin: &str, method: &str) -> bool {
    let listed = response.all("access-control-allow-methods").flat_map(|line| line.split(',')).any(|own| own.trim() == method);
    (200..300).contains(&response.status) && may_read(response, origin, true) && listed
}

/// Whether a page of another site may show this answer as an image or script (`Cross-Origin-Resource-Policy`).
pub(crate) fn may_embed(response: &Response) -> bool {
    !matches!(response.header("cross-origin-resource-policy"), Some("same-origin" | "same-site"))
}

/// Whether a page of `origin` may put this answer into a frame. `frame-ancestors` overrides `X-Frame-Options` (CSP 3, section 6.4.2).
pub(crate) fn may_frame(response: &Response, origin: &str) -> bool {
    let own = Origin { https: true, host: String::new(), port: 0 };
    let policies = Csp::of(response);
    let ancestors: Vec<&Vec<String>> = policies.policies.iter().filter_map(|policy| policy.get("frame-ancestors")).collect();
    if !ancestors.is_empty() {
        return ancestors.iter().all(|sources| sources.iter().any(|source| matches_source(source, origin, &own)));
    }
    let mut options = response.all("x-frame-options").flat_map(|line| line.split(','));
    !options.any(|value| matches!(value.trim().to_ascii_lowercase().as_str(), "deny" | "sameorigin"))
}

/// The Content Security Policies of an answer; each must allow what is to happen.
pub(crate) struct Csp {
    policies: Vec<Policy>,
}

/// Directive name and its sources.
struct Policy(Vec<(String, Vec<String>)>);

impl Policy {
    fn parse(text: &str) -> Policy {
        let mut directives: Vec<(String, Vec<String>)> = Vec::new();
        for directive in text.split(';') {
            let mut words = directive.split_ascii_whitespace();
            let Some(name) = words.next().map(str::to_ascii_lowercase) else {
                continue;
            };
            // The first of two directives of one name counts (CSP 3, section 2.2.1).
            if !directives.iter().any(|(own, _)| *own == name) {
                directives.push((name, words.map(str::to_owned).collect()));
            }
        }
        Policy(directives)
    }

    fn get(&self, name: &str) -> Option<&Vec<String>> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, sources)| sources)
    }

    fn first(&self, names: &[&str]) -> Option<&Vec<String>> {
        names.iter().find_map(|name| self.get(name))
    }
}

impl Csp {
    /// The enforced policies; report-only ones stop nothing.
    pub(crate) fn of(response: &Response) -> Csp {
        let lines = response.all("content-security-policy").flat_map(|line| line.split(','));
        Csp { policies: lines.map(Policy::parse).collect() }
    }

    /// Whether an injected `<script>` without `src` runs. `nonce`: the one the server itself put on it, if it did.
    pub(crate) fn runs_inline_script(&self, nonce: Option<&str>) -> bool {
        self.policies.iter().all(|policy| match policy.first(&["script-src-elem", "script-src", "default-src"]) {
            None => true,
            Some(sources) => {
                allows_inline(sources)
                    || nonce.is_some_and(|nonce| sources.iter().any(|source| *source == format!("'nonce-{nonce}'")))
            }
        })
    }

    /// Whether an injected `onerror=` and the like runs.
    pub(crate) fn runs_handlers(&self) -> bool {
        self.policies.iter().all(|policy| {
            policy.first(&["script-src-attr", "script-src", "default-src"]).is_none_or(|sources| allows_inline(sources))
        })
    }

    /// Whether an injected `<script src=url>` runs, on a page of `own`.
    pub(crate) fn runs_script_from(&self, url: &str, own: &Origin) -> bool {
        self.policies.iter().all(|policy| match policy.first(&["script-src-elem", "script-src", "default-src"]) {
            None => true,
            // With 'strict-dynamic' hosts are ignored: only what a trusted script adds is trusted.
            Some(sources) => {
                !sources.iter().any(|source| source == "'strict-dynamic'")
                    && sources.iter().any(|source| matches_source(source, url, own))
            }
        })
    }

    /// Whether the page's own stylesheet at `url` applies.
    pub(crate) fn applies_style_from(&self, url: &str, own: &Origin) -> bool {
        self.source_allows(&["style-src-elem", "style-src", "default-src"], url, own)
    }

    /// Whether an injected form may be sent to `url`; `default-src` does not stand in for `form-action`.
    pub(crate) fn sends_form_to(&self, url: &str, own: &Origin) -> bool {
        self.source_allows(&["form-action"], url, own)
    }

    /// Whether an injected `<base href=url>` turns the page's relative addresses elsewhere.
    pub(crate) fn accepts_base(&self, url: &str, own: &Origin) -> bool {
        self.source_allows(&["base-uri"], url, own)
    }

    fn source_allows(&self, names: &[&str], url: &str, own: &Origin) -> bool {
        self.policies
            .iter()
            .all(|policy| policy.first(names).is_none_or(|sources| sources.iter().any(|source| matches_source(source, url, own))))
    }
}

/// `'unsafe-inline'` counts only without a nonce, a hash or `'strict-dynamic'` beside it (CSP 3, section 6.7.3.2).
fn allows_inline(sources: &[String]) -> bool {
    let strict = |source: &String| {
        ["'nonce-", "'sha256-", "'sha384-", "'sha512-", "'strict-dynamic'"].iter().any(|start| source.starts_with(start))
    };
    sources.iter().any(|source| source.eq_ignore_ascii_case("'unsafe-inline'")) && !sources.iter().any(strict)
}

/// Whether one source expression matches a URL (CSP 3, section 6.7.2.7) that was not redirected: then its path counts.
fn matches_source(source: &str, url: &str, own: &Origin) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else {
        return false;
    };
    let (host, path) = rest.find('/').and_then(|at| rest.split_at_checked(at)).unwrap_or((rest, "/"));
    let (source, prefix) = split_source(source);
    match source.as_str() {
        "*" => true,
        "'self'" => format!("{scheme}://{host}") == own.to_string(),
        quoted if quoted.starts_with('\'') => false,
        scheme_only if scheme_only.ends_with(':') => scheme_only.trim_end_matches(':') == scheme,
        expression => {
            let (needs, pattern) = expression.split_once("://").unwrap_or((scheme, expression));
            needs == scheme && matches_host(pattern, host) && matches_path(prefix, path)
        }
    }
}

/// A source's scheme and host, which are compared in any case, and its path, which is not.
fn split_source(source: &str) -> (String, &str) {
    let host = source.find("://").map_or(0, |at| at + 3);
    let path = source.get(host..).and_then(|rest| rest.find('/')).map_or(source.len(), |at| host + at);
    let (source, path) = source.split_at_checked(path).unwrap_or((source, ""));
    (source.to_ascii_lowercase(), path)
}

/// A path that ends with a slash stands for all below it, another for itself, none for all (CSP 3, section 6.7.2.12).
fn matches_path(pattern: &str, path: &str) -> bool {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    if pattern.is_empty() || pattern == "/" || pattern.ends_with('/') { path.starts_with(pattern) } else { path == pattern }
}

fn matches_host(pattern: &str, host: &str) -> bool {
    let (pattern, host) = match pattern.strip_suffix(":*") {
        Some(any_port) => {
            (any_port, host.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()).map_or(host, |(host, _)| host))
        }
        None => (pattern, host),
    };
    match pattern.strip_prefix('*') {
        Some(suffix) => host.ends_with(suffix),
        None => host == pattern,
    }
}

/// Whether a browser remembers to use `https` only, for at least `seconds` (RFC 6797; ignored over plain HTTP).
pub(crate) fn remembers_https(response: &Response, seconds: u64) -> bool {
    let value = response.header("strict-transport-security").unwrap_or_default().to_ascii_lowercase();
    let age = value.split(';').find_map(|part| part.trim().strip_prefix("max-age="));
    age.and_then(|age| age.trim_matches('"').parse::<u64>().ok()).is_some_and(|age| age >= seconds)
}

/// Whether a host can be bound to HTTPS at all: an address cannot (RFC 6797, section 8.1.1), and for localhost no server should ask.
pub(crate) fn can_remember_https(host: &str) -> bool {
    host.parse::<std::net::IpAddr>().is_err() && host != "localhost" && !host.ends_with(".localhost")
}

/// Where the elements of this name on a page lead by this attribute, as far as that is within `own`, and `which` picks the element.
pub(crate) fn own_addresses(page: &str, tag: &str, attribute: &str, own: &Origin, which: fn(&str) -> bool) -> Vec<String> {
    let begins = format!("<{tag} ");
    let elements = page.split(&begins).skip(1).filter_map(|rest| rest.split('>').next());
    let values = elements.filter(|element| which(element)).filter_map(|element| value_of(element, attribute));
    let own = own.to_string();
    let within = |value: String| match value.starts_with("//") || value.contains("://") {
        true => value.starts_with(&format!("{own}/")).then_some(value),
        false => Some(format!("{own}/{}", value.trim_start_matches('/'))),
    };
    values.filter_map(within).collect()
}

fn value_of(element: &str, attribute: &str) -> Option<String> {
    let value = element.split_once(&format!("{attribute}="))?.1;
    let quote = value.chars().next().filter(|first| matches!(first, '"' | '\''));
    let end = |end: char| quote.map_or(end.is_ascii_whitespace(), |quote| end == quote);
    value.get(quote.map_or(0, char::len_utf8)..)?.split(end).next().map(str::to_owned)
}

/// The value of an attribute of the first `<tag` at or after `mark`'s own element: enough for markup that the attack wrote itself.
pub(crate) fn attribute_near(page: &str, tag: &str, mark: &str, attribute: &str) -> Option<String> {
    let at = page.find(mark)?;
    let start = page.get(..at)?.rfind(&format!("<{tag}"))?;
    let element = page.get(start..)?.split('>').next()?;
    value_of(element, attribute)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &str, values: &[&str]) -> Response {
        Response {
            status: 200,
            headers: values.iter().map(|value| (name.to_owned(), (*value).to_owned())).collect(),
            body: Vec::new(),
        }
    }

    fn csp(text: &str) -> Csp {
        Csp::of(&with("Content-Security-Policy", &[text]))
    }

    fn own() -> Origin {
        Origin::parse("https://127.0.0.1:8443").unwrap()
    }

    #[test]
    fn inline_scripts() {
        for text in ["script-src 'unsafe-inline'", "default-src 'unsafe-inline' *", "img-src 'none'", "script-src-attr 'none'"] {
            assert!(csp(text).runs_inline_script(None), "{text}");
        }
        for text in [
            "script-src 'self'",
            "default-src 'none'",
            "script-src 'unsafe-inline' 'nonce-x'",
            "script-src 'unsafe-inline' 'sha256-x'",
            "script-src *",
        ] {
            assert!(!csp(text).runs_inline_script(None), "{text}");
        }
        assert!(csp("script-src 'nonce-x'").runs_inline_script(Some("x")));
        assert!(!csp("script-src 'unsafe-inline', script-src 'self'").runs_inline_script(None), "every policy must allow it");
        assert!(csp("script-src 'unsafe-inline'; script-src 'none'").runs_inline_script(None), "the first directive counts");
        let report_only = with("Content-Security-Policy-Report-Only", &["default-src 'none'"]);
        assert!(Csp::of(&report_only).runs_inline_script(None));
    }

    #[test]
    fn handlers() {
        assert!(csp("script-src 'unsafe-inline'").runs_handlers());
        assert!(!csp("script-src 'unsafe-inline'; script-src-attr 'none'").runs_handlers());
        assert!(!csp("script-src 'self'").runs_handlers());
    }

    #[test]
    fn sources() {
        let (evil, mine) = ("https://evil.example/x.js", "https://127.0.0.1:8443/x.js");
        for text in [
            "script-src *",
            "script-src https:",
            "script-src evil.example",
            "script-src https://Evil.example:*/",
            "script-src evil.example/x.js",
            "default-src *.example",
            "",
        ] {
            assert!(csp(text).runs_script_from(evil, &own()), "{text}");
        }
        for text in [
            "script-src 'self'",
            "default-src 'none'",
            "script-src http:",
            "script-src good.example",
            "script-src https://evil.example/other",
            "script-src https://evil.example/other/ evil.example/X.js",
            "script-src 'strict-dynamic' *",
        ] {
            assert!(!csp(text).runs_script_from(evil, &own()), "{text}");
        }
        assert!(csp("default-src 'self'").runs_script_from(mine, &own()));
        let narrow = csp("script-src https://127.0.0.1:*/static/");
        assert!(narrow.runs_script_from("https://127.0.0.1:8443/static/app.js?v=2", &own()));
        assert!(!narrow.runs_script_from(mine, &own()), "an upload is none of its scripts");
        assert!(csp("default-src 'self'").applies_style_from("https://127.0.0.1:8443/style.css", &own()));
        assert!(csp("default-src 'none'").sends_form_to(evil, &own()), "default-src does not cover forms");
        assert!(!csp("form-action 'self'; base-uri 'none'").sends_form_to(evil, &own()));
        assert!(!csp("base-uri 'none'").accepts_base(evil, &own()));
    }

    #[test]
    fn framing() {
        let evil = "https://evil.example";
        for response in
            [with("X", &[]), with("X-Frame-Options", &["ALLOWALL"]), with("Content-Security-Policy", &["frame-ancestors *"])]
        {
            assert!(may_frame(&response, evil));
        }
        for response in [
            with("x-frame-options", &["Deny"]),
            with("X-Frame-Options", &["SAMEORIGIN"]),
            with("Content-Security-Policy", &["frame-ancestors 'none'"]),
            with("Content-Security-Policy", &["frame-ancestors 'self'"]),
        ] {
            assert!(!may_frame(&response, evil));
        }
        let mut both = with("X-Frame-Options", &["DENY"]);
        both.headers.push(("Content-Security-Policy".into(), "frame-ancestors https:".into()));
        assert!(may_frame(&both, evil), "frame-ancestors overrides");
    }

    #[test]
    fn reading_across_origins() {
        let origin = "https://evil.example";
        let star = with("Access-Control-Allow-Origin", &["*"]);
        assert!(may_read(&star, origin, false) && !may_read(&star, origin, true));
        let mut named = with("Access-Control-Allow-Origin", &[origin]);
        assert!(may_read(&named, origin, false) && !may_read(&named, origin, true));
        named.headers.push(("Access-Control-Allow-Credentials".into(), "true".into()));
        assert!(may_read(&named, origin, true) && !may_read(&named, "https://other.example", false));
        assert!(!preflight_allows(&named, origin, "DELETE"));
        named.headers.push(("Access-Control-Allow-Methods".into(), "GET, DELETE".into()));
        assert!(preflight_allows(&named, origin, "DELETE"));
        assert!(!may_read(&with("Access-Control-Allow-Origin", &[origin, origin]), origin, false), "two values are an error");
    }

    #[test]
    fn requests_look_like_a_browsers() {
        let request = dress(Request::new("POST", "/x"), &own(), &From::foreign(), How::Navigate);
        let text = String::from_utf8(request.bytes("h")).unwrap();
        assert!(text.contains("Sec-Fetch-Site: cross-site\r\n") && text.contains("Origin: https://evil.example\r\n"), "{text}");
        let text = String::from_utf8(dress(Request::get("/x"), &own(), &From::Visitor, How::Navigate).bytes("h")).unwrap();
        assert!(text.contains("Sec-Fetch-Site: none\r\n") && !text.contains("Origin"), "{text}");
        assert_eq!(From::sibling(&own()), From::Sibling("https://127.0.0.1:8444".into()));
    }

    #[test]
    fn https_is_remembered_for_long_enough() {
        assert!(remembers_https(&with("Strict-Transport-Security", &["includeSubDomains; max-age=63072000"]), 15_552_000));
        assert!(!remembers_https(&with("Strict-Transport-Security", &["max-age=60"]), 15_552_000));
        assert!(!remembers_https(&with("X", &[]), 1));
        assert!(
            can_remember_https("shop.example")
                && !can_remember_https("127.0.0.1")
                && !can_remember_https("::1")
                && !can_remember_https("a.localhost")
        );
    }

    #[test]
    fn own_files_of_a_page_are_found() {
        let page = "<link rel=canonical href='/here'><link rel=stylesheet href=/a.css ><link rel=\"stylesheet\" href='//cdn.example/b.css'>\
                    <script src=\"https://127.0.0.1:8443/c.js\"></script><script>d()</script><script defer src=e.js></script>";
        let is_style = |element: &str| element.contains("stylesheet");
        assert_eq!(own_addresses(page, "link", "href", &own(), is_style), ["https://127.0.0.1:8443/a.css"]);
        let scripts = ["https://127.0.0.1:8443/c.js", "https://127.0.0.1:8443/e.js"];
        assert_eq!(own_addresses(page, "script", "src", &own(), |_| true), scripts);
    }

    #[test]
    fn nonces_put_on_injected_scripts_are_found() {
        let page = "<p><script nonce=\"abc\">gmb1()</script><script nonce=zz >gmb2</script>";
        assert_eq!(attribute_near(page, "script", "gmb1", "nonce").as_deref(), Some("abc"));
        assert_eq!(attribute_near(page, "script", "gmb2", "nonce").as_deref(), Some("zz"));
        assert_eq!(attribute_near("<script>gmb1", "script", "gmb1", "nonce"), None);
    }
}
