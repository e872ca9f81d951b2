//! Where an address in a page leads.

/// Where an address in a page leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Link {
    /// To the app itself: path and query.
    Own(String),
    /// To another origin.
    Foreign(String),
    /// To no place: a scheme such as `data:`, or with its colon.
    Scheme(String),
    /// Nowhere that can be known: empty, a fragment, a template's blank.
    Nowhere,
}

/// Reads an address as it stands on the page at `base` (a path) of an app that answers to `hosts`.
pub(super) fn resolve(base: &str, address: &str, hosts: &[String]) -> Link {
    let address = address.trim().split('#').next().unwrap_or_default();
    if address.is_empty() || address.contains("{{") || address.contains("{%") {
        return Link::Nowhere;
    }
    if let Some(rest) = address.strip_prefix("//") {
        return absolute("https", rest, hosts);
    }
    match address.split_once(':') {
        Some((scheme, rest)) if is_scheme(scheme) => match rest.strip_prefix("//") {
            Some(rest) if scheme.to_ascii_lowercase().starts_with("http") => absolute(&scheme.to_ascii_lowercase(), rest, hosts),
            _ => Link::Scheme(format!("{}:", scheme.to_ascii_lowercase())),
        },
        _ => Link::Own(join(base, address)),
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
}

fn absolute(scheme: &str, rest: &str, hosts: &[String]) -> Link {
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    if hosts.iter().any(|own| own.eq_ignore_ascii_case(host)) {
        return Link::Own(if path.starts_with('/') { path.to_owned() } else { format!("/{path}") });
    }
    let plain = authority.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.:[]".contains(&b));
    if plain && !authority.is_empty() {
        Link::Foreign(format!("{scheme}://{}", authority.to_ascii_lowercase()))
    } else {
        Link::Nowhere
    }
}

/// A relative address on a page (RFC 3986 section 5.2).
fn join(base: &str, address: &str) -> String {
    let page = base.split('?').next().unwrap_or("/");
    if address.starts_with('?') {
        return format!("{page}{address}");
    }
    let folder = page.rsplit_once('/').map_or("", |(folder, _)| folder);
    let whole = if address.starts_with('/') { address.to_owned() } else { format!("{folder}/{address}") };
    let (path, query) = whole.split_once('?').map_or((whole.as_str(), None), |(path, query)| (path, Some(query)));
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/').skip(1) {
        match segment {
            "." => {}
            ".." => drop(segments.pop()),
            _ => segments.push(segment),
        }
    }
    let path = format!("/{}", segments.join("/"));
    query.map_or(path.clone(), |query| format!("{path}?{query}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lead_where_a_browser_would_go() {
        let hosts = ["localhost".to_owned()];
        let own = |text: &str| Link::Own(text.to_owned());
        for (address, expected) in [
            ("b", own("/a/b")),
            ("../c?x=1#y", own("/c?x=1")),
            ("/d", own("/d")),
            ("?p=2", own("/a/page?p=2")),
            ("http://localhost:5000/e", own("/e")),
            ("//CDN.example/x.js", Link::Foreign("https://cdn.example".into())),
            ("https://cdn.example:8080/x", Link::Foreign("https://cdn.example:8080".into())),
            ("javascript:void(0)", Link::Scheme("javascript:".into())),
            ("#top", Link::Nowhere),
            ("{{ url_for('x') }}", Link::Nowhere),
        ] {
            assert_eq!(resolve("/a/page?p=1", address, &hosts), expected, "{address}");
        }
    }
}
